import { UnstyledButton } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Checks_connection$data, Checks_connection$key, CheckVerdict } from "#/relay/__generated__/Checks_connection.graphql.ts";
import type { ChecksMoreQuery } from "#/relay/__generated__/ChecksMoreQuery.graphql.ts";
import { graphql, usePaginationFragment } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import { More } from "#/ui/More.tsx";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status, type Tone } from "#/ui/Status.tsx";
import css from "./domain.module.css";
import { Evidence } from "./Evidence.tsx";

const tones: Record<CheckVerdict, Tone> = { ABSENT: "none", PARTIAL: "busy", CONFLICTING: "bad", CORRECT: "good", COULD_NOT_ASK: "warn" };

/** The looks we took, each with its evidence. */
export function Checks({ connection }: { connection: Checks_connection$key }) {
  const { t } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<ChecksMoreQuery, Checks_connection$key>(
    graphql`
      fragment Checks_connection on Connection
      @refetchable(queryName: "ChecksMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }) {
        checks(first: $first, after: $after) @connection(key: "Checks_checks") {
          totalCount
          edges {
            node {
              id
              trigger
              startedAt
              finishedAt
              verdict
              durationMs
              queries
              findings {
                code
              }
            }
          }
        }
      }
    `,
    connection,
  );
  const rows = data.checks.edges.map((edge) => edge.node);
  if (rows.length === 0) return null;
  return (
    <Card title={t("checks.title")} text={t("checks.text")} flush>
      {rows.map((check) => (
        <Check key={check.id} check={check} />
      ))}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(20)} />}
    </Card>
  );
}

function Check({ check }: { check: Checks_connection$data["checks"]["edges"][number]["node"] }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <div className={css.check}>
      <UnstyledButton className={css.checkHead} aria-expanded={open} onClick={() => setOpen(!open)}>
        {check.verdict ? (
          <Status tone={tones[check.verdict]}>{t(`checks.verdict.${check.verdict}`)}</Status>
        ) : (
          <Status tone="busy" busy>
            {t("checks.running")}
          </Status>
        )}
        <span className={css.checkText}>
          {t(`checks.trigger.${check.trigger}`)}
          {check.findings.length > 0 && <span className="mono dim"> {check.findings.map((finding) => finding.code).join(", ")}</span>}
        </span>
        <span className="dim tabular">
          {t("checks.cost", { count: check.queries, ms: check.durationMs ?? 0 })} · <RelativeTime at={check.startedAt} />
        </span>
        <IconChevronDown size={16} className={css.chevron} aria-hidden />
      </UnstyledButton>
      {open && (
        <div className={css.evidence}>
          <Part what={t("checks.evidence")}>
            <Evidence id={check.id} />
          </Part>
        </div>
      )}
    </div>
  );
}
