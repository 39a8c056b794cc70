import { useTranslation } from "react-i18next";
import type { ApprovalState } from "#/relay/__generated__/ApprovalCard_request.graphql.ts";
import { Status, type Tone } from "#/ui/Status.tsx";
import css from "./operate.module.css";

export function Access({ access, size }: { access: string; size?: "lg" }) {
  const { t } = useTranslation();
  return (
    <Status tone={access === "ENABLED" ? "good" : "bad"} size={size}>
      {t(`operate.access.${access}`)}
    </Status>
  );
}

/** What somebody is to the installation, without what everybody is. */
export function Roles({ roles }: { roles: readonly string[] }) {
  const { t } = useTranslation();
  const more = roles.filter((role) => role !== "STANDARD");
  if (more.length === 0) return <span className="dim">{t("operate.role.STANDARD")}</span>;
  return (
    <span className={css.tags}>
      {more.map((role) => (
        <span key={role} className={css.tag}>
          {t(`operate.role.${role}`)}
        </span>
      ))}
    </span>
  );
}

const tones: Record<ApprovalState, Tone> = {
  PENDING: "warn",
  APPROVED: "busy",
  EXECUTED: "good",
  REJECTED: "none",
  CANCELED: "none",
  EXPIRED: "none",
  FAILED: "bad",
  STALE: "bad",
};

export function ApprovalMark({ state }: { state: ApprovalState }) {
  const { t } = useTranslation();
  return (
    <Status tone={tones[state]} busy={state === "APPROVED"}>
      {t(`operate.state.${state}`)}
    </Status>
  );
}
