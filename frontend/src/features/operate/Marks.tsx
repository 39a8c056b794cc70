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

const messageTones: Record<string, Tone> = {
  QUEUED: "busy",
  SENT: "good",
  DELIVERED: "good",
  BOUNCED: "bad",
  FAILED: "bad",
  SUPPRESSED: "warn",
};

/** How far a mail is. */
export function MessageMark({ state, size }: { state: string; size?: "lg" }) {
  const { t } = useTranslation();
  return (
    <Status tone={messageTones[state] ?? "none"} busy={state === "QUEUED"} size={size}>
      {t(`operate.messages.state.${state}`)}
    </Status>
  );
}

const readerTones: Record<string, Tone> = { PENDING: "busy", DELIVERED: "good", PARKED: "bad" };

/** How far a reader of the ledger is with an event. */
export function ReaderMark({ reader, state }: { reader: string; state: string }) {
  const { t } = useTranslation();
  return (
    <Status tone={readerTones[state] ?? "none"} plain={state === "DELIVERED"} title={t(`operate.events.reader.${state}`)}>
      {reader}
      <span className="sr"> {t(`operate.events.reader.${state}`)}</span>
    </Status>
  );
}
