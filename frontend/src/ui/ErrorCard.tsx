import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { CopyButton } from "./CopyButton.tsx";
import css from "./ui.module.css";

type Problem = { faults: { code: string; message: string; permission?: string; field?: string }[]; requestId?: string };

type Props = { title?: string; problem: Problem; onRetry?: () => void; fieldsShown?: boolean };

/** What failed, in the server's words, with the reference and a way on. */
export function ErrorCard({ title, problem, onRetry, fieldsShown }: Props) {
  const { t } = useTranslation();
  const faults = fieldsShown ? problem.faults.filter((fault) => !fault.field) : problem.faults;
  const lines = faults.map((fault) => {
    if (fault.code === "OFFLINE") return t("error.offline");
    if (fault.code === "FORBIDDEN" && fault.permission) return t("error.forbidden", { permission: fault.permission });
    return fault.message || t("error.internal");
  });
  return (
    <div className={css.error} role="alert">
      {title && <strong>{title}</strong>}
      {lines.length === 0 ? <span>{t("error.fields")}</span> : lines.map((line) => <span key={line}>{line}</span>)}
      {(onRetry || problem.requestId) && (
        <div className={css.errorFoot}>
          {onRetry && (
            <Button size="compact-sm" variant="default" onClick={onRetry}>
              {t("error.retry")}
            </Button>
          )}
          {problem.requestId && (
            <span>
              {t("error.reference")} <span className="mono">{problem.requestId}</span>{" "}
              <CopyButton text={problem.requestId} what={t("error.reference")} />
            </span>
          )}
        </div>
      )}
    </div>
  );
}
