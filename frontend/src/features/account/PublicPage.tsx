import { type ReactNode, useEffect, useRef } from "react";
import css from "./account.module.css";

type Props = { tab: string; title: string; text?: ReactNode; children?: ReactNode };

/** A page for people who are not signed in: one thing to do. A new title takes the focus, so that it is read aloud. */
export function PublicPage({ tab, title, text, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${tab} · Nameplate`;
  }, [tab]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another title is another step of the same page
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <main className={css.page}>
      <div className={css.box}>
        <img src="/icon.svg" alt="" width={40} height={40} />
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {text && <p>{text}</p>}
        {children}
      </div>
    </main>
  );
}
