import { useTranslation } from "react-i18next";
import css from "./statebar.module.css";

type Counts = readonly { readonly state: string; readonly count: number }[];
const order = [
  ["LIVE", "good"],
  ["SECURING", "busy"],
  ["VERIFYING", "busy"],
  ["APPLYING", "busy"],
  ["ANALYZING", "busy"],
  ["DRAFT", "none"],
  ["ACTION_REQUIRED", "warn"],
  ["DEGRADED", "warn"],
  ["FAILED", "bad"],
  ["BLOCKED", "bad"],
  ["CONTESTED", "bad"],
  ["SUSPENDED", "none"],
] as const;

/** How many stand where, as one line; the numbers are in its words. */
export function StateBar({ counts }: { counts: Counts }) {
  const { t } = useTranslation();
  const parts = order
    .map(([state, tone]) => ({ state, tone, count: counts.find((one) => one.state === state)?.count ?? 0 }))
    .filter(({ count }) => count);
  if (parts.length === 0) return <div className={css.bar} />;
  const words = parts.map(({ state, count }) => `${count} ${t(`state.${state}`)}`).join(", ");
  return (
    <div className={css.bar} role="img" aria-label={words} title={words}>
      {parts.map(({ state, tone, count }) => (
        <span key={state} data-tone={tone} style={{ flexGrow: count }} />
      ))}
    </div>
  );
}
