import { Button } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { RecordStatus, Records_connection$data, Records_connection$key } from "#/relay/__generated__/Records_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { CopyButton, copyText } from "#/ui/CopyButton.tsx";
import { Card } from "#/ui/Page.tsx";
import { Status, type Tone } from "#/ui/Status.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./domain.module.css";
import { Explanation } from "./Findings.tsx";

const tones: Partial<Record<RecordStatus, Tone>> = {
  PENDING: "none",
  PARTIAL: "busy",
  OK: "good",
  FLATTENED: "good",
  MERGED: "good",
  WAIVED: "none",
  UNVERIFIABLE: "none",
  PROXIED: "warn",
  SHADOWED_BY_WILDCARD: "warn",
};

/** The records in the provider's own spelling, each part with a copy button. */
export function Records({ connection }: { connection: Records_connection$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Records_connection on Connection {
        state
        provider {
          name
          consoleUrl
        }
        records {
          id
          key
          type
          purpose
          requirement
          group
          fqdn
          status
          servers {
            have
            of
          }
          display {
            name
            value
            ttl
            extra
            copyAll
            bindLine
            hint
          }
          finding {
            code
            severity
            explain(locale: $locale) {
              title
              body
              steps
              who
              docs
            }
          }
        }
      }
    `,
    connection,
  );
  if (data.records.length === 0) return null;
  const copyAll = async () => {
    if (await copyText(data.records.map((record) => record.display.bindLine).join("\n")))
      toast(t("copy.done", { what: t("records.zoneFile") }));
  };
  return (
    <Card
      title={t("records.title")}
      text={data.provider ? t("records.at", { provider: data.provider.name }) : t("records.text")}
      flush
      actions={
        <div className={css.cardActions}>
          <Button size="xs" variant="subtle" color="gray" c="var(--np-dim)" onClick={copyAll}>
            {t("records.copyZone")}
          </Button>
          {data.provider?.consoleUrl && (
            <Button
              size="xs"
              variant="default"
              component="a"
              href={data.provider.consoleUrl}
              target="_blank"
              rel="noreferrer"
              rightSection={<IconExternalLink size={14} />}
            >
              {t("records.open", { provider: data.provider.name })}
            </Button>
          )}
        </div>
      }
    >
      {data.records.map((record) => (
        <RecordView key={record.id} record={record} />
      ))}
    </Card>
  );
}

function RecordView({ record }: { record: Records_connection$data["records"][number] }) {
  const { t } = useTranslation();
  const parts = [
    ["name", record.display.name],
    ["value", record.display.value],
    ["ttl", record.display.ttl],
  ] as const;
  return (
    <article className={css.record} aria-label={`${record.type} ${record.fqdn}`}>
      <div className={css.recordHead}>
        <span className={css.type}>{record.type}</span>
        <span className={css.purpose}>
          {t(`records.purpose.${record.purpose}`)}
          {record.requirement !== "REQUIRED" && <span className="dim"> · {t(`records.requirement.${record.requirement}`)}</span>}
        </span>
        <Status tone={tones[record.status] ?? "bad"} busy={record.status === "PARTIAL"}>
          {t(`records.status.${record.status}`)}
          {record.servers && record.status !== "OK" && (
            <span className="tabular">{t("records.servers", { have: record.servers.have, of: record.servers.of })}</span>
          )}
        </Status>
      </div>
      <div className={css.parts}>
        {parts.map(([part, value]) => (
          <div key={part} className={css.part} data-part={part} data-copy-source>
            <span className={css.partName}>{t(`records.part.${part}`)}</span>
            <code data-copy-text dir="ltr" translate="no">
              {value}
            </code>
            {part !== "ttl" && <CopyButton text={value} what={t(`records.part.${part}`)} />}
          </div>
        ))}
      </div>
      {(record.display.hint || record.display.extra.length > 0) && (
        <div className={css.hint}>
          {record.display.hint}
          {record.display.extra.map((line) => (
            <div key={line}>{line}</div>
          ))}
        </div>
      )}
      {record.finding && record.finding.severity !== "INFO" && (
        <div className={css.recordFinding}>
          <Explanation severity={record.finding.severity} explain={record.finding.explain} />
        </div>
      )}
    </article>
  );
}
