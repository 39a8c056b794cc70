import { IconCheck, IconExclamationMark, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import css from "./domains.module.css";

export type Mark = "WAITING" | "RUNNING" | "DONE" | "WARNING" | "FAILED";

/** A round mark for one step; its word is there for those who do not see it. */
export function StepMark({ state }: { state: Mark }) {
  const { t } = useTranslation();
  return (
    <span className={css.mark} data-state={state}>
      {state === "DONE" && <IconCheck size={13} stroke={3} aria-hidden />}
      {state === "WARNING" && <IconExclamationMark size={13} stroke={3} aria-hidden />}
      {state === "FAILED" && <IconX size={13} stroke={3} aria-hidden />}
      <span className="sr">{t(`step.${state}`)}</span>
    </span>
  );
}
