import type { ReactNode } from "react";
import css from "./ui.module.css";

export type Tone = "good" | "busy" | "warn" | "bad" | "none";

type Props = { tone: Tone; children: ReactNode; busy?: boolean; plain?: boolean; size?: "lg"; title?: string };

/** A state: always colour and words. */
export function Status({ tone, children, busy, plain, size, title }: Props) {
  return (
    <span
      className={css.status}
      data-tone={tone}
      data-busy={busy || undefined}
      data-plain={plain || undefined}
      data-size={size}
      title={title}
    >
      <span className={css.dot} aria-hidden />
      {children}
    </span>
  );
}
