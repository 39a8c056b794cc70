import { useTranslation } from "react-i18next";
import css from "./matrix.module.css";
import type { AnswerOutcome } from "./servers.ts";

/** Four shapes that differ without colour: a tick in a disc, an empty ring, a crossed square, a question mark in a dashed diamond. */
const shapes: Record<AnswerOutcome, React.ReactNode> = {
  FOUND: (
    <>
      <circle cx="9" cy="9" r="8" fill="currentColor" />
      <path d="M5.4 9.3l2.4 2.4 4.7-5.2" stroke="var(--mantine-color-body)" />
    </>
  ),
  ABSENT: <circle cx="9" cy="9" r="7" stroke="currentColor" />,
  WRONG: (
    <>
      <rect x="1" y="1" width="16" height="16" rx="3" fill="currentColor" />
      <path d="M5.6 5.6l6.8 6.8M12.4 5.6l-6.8 6.8" stroke="var(--mantine-color-body)" />
    </>
  ),
  COULD_NOT_ASK: (
    <>
      <path d="M9 1l8 8-8 8-8-8z" stroke="currentColor" strokeDasharray="3 2" />
      <path d="M7.4 7.4a1.7 1.7 0 1 1 2.4 1.6c-.5.3-.8.6-.8 1.1M9 12.2v.1" stroke="currentColor" strokeWidth="1.5" />
    </>
  ),
};

export const outcomes = Object.keys(shapes) as AnswerOutcome[];

export function OutcomeMark({ outcome }: { outcome: AnswerOutcome }) {
  const { t } = useTranslation();
  return (
    <span className={css.outcome} data-outcome={outcome}>
      <svg width="18" height="18" viewBox="0 0 18 18" fill="none" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden>
        {shapes[outcome]}
      </svg>
      {t(`matrix.outcome.${outcome}`)}
    </span>
  );
}
