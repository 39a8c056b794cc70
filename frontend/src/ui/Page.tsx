import { type ReactNode, useEffect, useRef } from "react";
import css from "./ui.module.css";

/** Title of the tab, of the page, and what can be done on it. The heading takes the focus when the page is entered. */
export function PageHeader({
  title,
  tab,
  text,
  actions,
  crumbs,
}: {
  title: ReactNode;
  tab: string;
  text?: ReactNode;
  actions?: ReactNode;
  crumbs?: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${tab} · Nameplate`;
  }, [tab]);
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <>
      {crumbs && <nav className={css.crumbs}>{crumbs}</nav>}
      <div className={css.header}>
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {text && <p>{text}</p>}
        </div>
        {actions && <div className={css.headerActions}>{actions}</div>}
      </div>
    </>
  );
}

type CardProps = {
  title?: ReactNode;
  text?: ReactNode;
  actions?: ReactNode;
  foot?: ReactNode;
  danger?: boolean;
  flush?: boolean;
  children?: ReactNode;
};

/** A quiet box with a heading. `flush` leaves the padding to the contents. */
export function Card({ title, text, actions, foot, danger, flush, children }: CardProps) {
  return (
    <section className={danger ? `${css.card} ${css.danger}` : css.card}>
      {title && (
        <div className={css.cardHead}>
          <div>
            <h2>{title}</h2>
            {text && <p>{text}</p>}
          </div>
          {actions}
        </div>
      )}
      {children && <div className={flush ? undefined : css.cardBody}>{children}</div>}
      {foot && <div className={css.cardFoot}>{foot}</div>}
    </section>
  );
}

/** Names and values. */
export function Facts({ rows }: { rows: (readonly [string, ReactNode] | null | false)[] }) {
  return (
    <dl className={css.facts}>
      {rows.map(
        (row) =>
          row && (
            <div key={row[0]} style={{ display: "contents" }}>
              <dt>{row[0]}</dt>
              <dd>{row[1]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

export function LiveDot({ state, label }: { state: "live" | "reconnecting" | "paused"; label: string }) {
  return (
    <span className={css.live} data-state={state} role="status">
      {label}
    </span>
  );
}
