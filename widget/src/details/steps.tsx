import type { CheckStep } from "../documents";
import { Icon, type IconName, useUi } from "../ui";
import { type DetailKey, tell } from "./words";

const icons: Record<string, IconName> = { DONE: "check", WARNING: "alert", FAILED: "alert", RUNNING: "busy", WAITING: "dot" };

/** The rows of an analysis, in their order: known from the start, so that the bar is honest. */
export const rows = ["delegation", "provider", "records", "certificate", "method"] as const;

/** Rows that are over, whatever came of them. */
export const over = (steps: readonly Pick<CheckStep, "key" | "state">[]) =>
  steps.filter(({ key, state }) => rows.includes(key as (typeof rows)[number]) && state !== "RUNNING" && state !== "WAITING").length;

/** What we find out, row by row as it is answered. `working`: no answer has the last word yet. */
export function Steps({ steps, working }: { steps: readonly CheckStep[]; working: boolean }) {
  const { t, language } = useUi();
  const done = over(steps);
  const next = steps.some((step) => step.state === "RUNNING") ? "" : rows.find((key) => !steps.some((step) => step.key === key));
  return (
    <>
      {working && <progress class="bar" max={rows.length} value={done} aria-label={tell(language, "steps", { done, all: rows.length })} />}
      <ul class="checklist">
        {rows.map((key) => {
          const step = steps.find((one) => one.key === key);
          const state = step?.state ?? (working && key === next ? "RUNNING" : "WAITING");
          return (
            <li key={key} class={state}>
              <Icon name={icons[state] ?? "dot"} />
              <span class={step ? undefined : "muted"}>
                {step?.text ?? tell(language, `row.${key}` as DetailKey)} <span class="offscreen">{t(`step.${state}`)}</span>
              </span>
            </li>
          );
        })}
      </ul>
    </>
  );
}
