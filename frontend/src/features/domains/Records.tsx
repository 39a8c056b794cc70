import { Button, Menu } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconDownload, IconExternalLink } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { RecordStatus, Records_connection$data, Records_connection$key } from "#/relay/__generated__/Records_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { CopyButton, copyText } from "#/ui/CopyButton.tsx";
import { Card } from "#/ui/Page.tsx";
import { Status, type Tone } from "#/ui/Status.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./domain.module.css";
import { csv, save, zoneFile } from "./download.ts";
import { Explanation } from "./Findings.tsx";
import { useLabel } from "./Fix.tsx";
import table from "./records.module.css";

type DnsRecord = Records_connection$data["records"][number];

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

/** Wide enough for the columns beside the rail, or without it. */
const WIDE = "(min-width: 1240px), (min-width: 900px) and (max-width: 1100px)";

/** The records in the provider's own spelling, each part with a copy button: a table where it fits, else lists of names and values. */
export function Records({ connection, title }: { connection: Records_connection$key; title?: string }) {
  const { t } = useTranslation();
  const wide = useMediaQuery(WIDE, undefined, { getInitialValueInEffect: false });
  const data = useFragment(
    graphql`
      fragment Records_connection on Connection {
        hostname
        findings {
          code
        }
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
            bindLine
            hint
            fields {
              part
              label
              value
            }
          }
          finding {
            code
            severity
            evidence
            explain(locale: $locale) {
              title
              body
              steps
              who
              takes
              docs
            }
          }
        }
      }
    `,
    connection,
  );
  if (data.records.length === 0) return null;
  const { records, hostname } = data;
  // What stands in the list of findings already is not said twice.
  const told = new Set(data.findings.map((finding) => finding.code));
  const zone = () => zoneFile(hostname, records);
  return (
    <Card
      title={title ?? t("records.title")}
      text={data.provider ? t("records.at", { provider: data.provider.name }) : t("records.text")}
      flush
      actions={
        <div className={css.cardActions}>
          <Menu position="bottom-end" withinPortal>
            <Menu.Target>
              <Button size="xs" variant="subtle" color="gray" c="var(--np-dim)" leftSection={<IconDownload size={14} aria-hidden />}>
                {t("records.download")}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => save(`${hostname}.zone`, zone(), "text/dns")}>{t("records.asZone")}</Menu.Item>
              <Menu.Item onClick={() => save(`${hostname}.csv`, csv(records), "text/csv")}>{t("records.asCsv")}</Menu.Item>
              <Menu.Item onClick={async () => (await copyText(zone())) && toast(t("copy.done", { what: t("records.zoneFile") }))}>
                {t("records.copyZone")}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
          {data.provider?.consoleUrl && (
            <Button
              size="xs"
              variant="default"
              component="a"
              href={data.provider.consoleUrl}
              target="_blank"
              rel="noreferrer"
              rightSection={<IconExternalLink size={14} aria-hidden />}
            >
              {t("records.open", { provider: data.provider.name })}
            </Button>
          )}
        </div>
      }
    >
      {wide ? <Table records={records} told={told} /> : records.map((record) => <RecordView key={record.id} record={record} told={told} />)}
    </Card>
  );
}

function RecordStatusWord({ record }: { record: DnsRecord }) {
  const { t } = useTranslation();
  return (
    <Status tone={tones[record.status] ?? "bad"} busy={record.status === "PARTIAL"}>
      {t(`records.status.${record.status}`)}
      {record.servers && record.status !== "OK" && (
        <span className="tabular">{t("records.servers", { have: record.servers.have, of: record.servers.of })}</span>
      )}
    </Status>
  );
}

/** What is wrong with a record, unless it was said before or is no trouble. */
const trouble = ({ finding }: DnsRecord, told: ReadonlySet<string>) =>
  finding && finding.severity !== "INFO" && !told.has(finding.code) ? finding : null;

/** What belongs to a record and has no column. */
function Notes({ record, told }: { record: DnsRecord; told: ReadonlySet<string> }) {
  const finding = trouble(record, told);
  if (!record.display.hint && !finding) return null;
  return (
    <div className={table.notes}>
      {record.display.hint && <div className={css.hint}>{record.display.hint}</div>}
      {finding && <Explanation severity={finding.severity} explain={finding.explain} evidence={finding.evidence} />}
    </div>
  );
}

function Table({ records, told }: { records: readonly DnsRecord[]; told: ReadonlySet<string> }) {
  const { t } = useTranslation();
  const label = useLabel();
  const priority = records.some((record) => record.display.extra.length > 0);
  return (
    <table className={table.table}>
      <caption className="sr">{t("records.title")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("records.part.type")}</th>
          <th scope="col">{t("records.part.name")}</th>
          <th scope="col">{t("records.part.value")}</th>
          {priority && <th scope="col">{t("records.part.priority")}</th>}
          <th scope="col">{t("records.part.ttl")}</th>
          <th scope="col">{t("records.statusTitle")}</th>
        </tr>
      </thead>
      {records.map((record) => {
        const field = (part: string) => record.display.fields.find((one) => one.part === part) ?? { part, label: null, value: "" };
        return (
          <tbody key={record.id}>
            <tr>
              <td>
                <span className={css.type}>{record.type}</span>
                <span className={table.under}>
                  {t(`records.purpose.${record.purpose}`)}
                  {record.requirement !== "REQUIRED" && ` · ${t(`records.requirement.${record.requirement}`)}`}
                </span>
              </td>
              <Copied label={label(field("NAME"))} own={t("records.part.name")} value={record.display.name} />
              <Copied label={label(field("VALUE"))} own={t("records.part.value")} value={record.display.value} />
              {priority && <td className="tabular">{record.display.extra[0] ?? "–"}</td>}
              <td className="tabular">{record.display.ttl}</td>
              <td>
                <RecordStatusWord record={record} />
              </td>
            </tr>
            {(record.display.hint || trouble(record, told)) && (
              <tr className={table.noteRow}>
                <td colSpan={priority ? 6 : 5}>
                  <Notes record={record} told={told} />
                </td>
              </tr>
            )}
          </tbody>
        );
      })}
    </table>
  );
}

/** A cell to copy; above it what the provider calls the field, where that differs from the column. */
function Copied({ label, own, value }: { label: string; own: string; value: string }) {
  return (
    <td data-copy-source>
      <span className={table.copied}>
        <span>
          {label !== own && <span className={table.under}>{label}</span>}
          <code data-copy-text data-short={value.length <= 20 || undefined} dir="ltr" translate="no">
            {value}
          </code>
        </span>
        <CopyButton text={value} what={label} />
      </span>
    </td>
  );
}

function RecordView({ record, told }: { record: DnsRecord; told: ReadonlySet<string> }) {
  const { t } = useTranslation();
  const label = useLabel();
  return (
    <article className={css.record} aria-label={`${record.type} ${record.fqdn}`}>
      <div className={css.recordHead}>
        <span className={css.type}>{record.type}</span>
        <span className={css.purpose}>
          {t(`records.purpose.${record.purpose}`)}
          {record.requirement !== "REQUIRED" && <span className="dim"> · {t(`records.requirement.${record.requirement}`)}</span>}
        </span>
        <RecordStatusWord record={record} />
      </div>
      <dl className={css.parts}>
        {record.display.fields
          .filter((field) => field.part !== "TYPE")
          .map((field) => (
            <div key={field.part} className={css.part} data-part={field.part.toLowerCase()} data-copy-source>
              <dt className={css.partName}>{label(field)}</dt>
              <dd>
                <code data-copy-text dir="ltr" translate="no">
                  {field.value || t("diff.leaveEmpty")}
                </code>
                {(field.part === "NAME" || field.part === "VALUE") && <CopyButton text={field.value} what={label(field)} />}
              </dd>
            </div>
          ))}
      </dl>
      <Notes record={record} told={told} />
    </article>
  );
}
