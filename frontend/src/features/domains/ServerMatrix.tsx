import { UnstyledButton } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ServerMatrix_connection$data, ServerMatrix_connection$key } from "#/relay/__generated__/ServerMatrix_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import { Dialog } from "#/ui/Dialog.tsx";
import { Card, Facts } from "#/ui/Page.tsx";
import { exact, RelativeTime } from "#/ui/RelativeTime.tsx";
import { Evidence } from "./Evidence.tsx";
import evidence from "./evidence.module.css";
import css from "./matrix.module.css";
import { OutcomeMark, outcomes } from "./OutcomeMark.tsx";
import { columns, raw, type Seen, type Server, seenBy } from "./servers.ts";

type DnsRecord = ServerMatrix_connection$data["records"][number];
type Answer = { record: DnsRecord; seen: Seen };

/** Each record on each authoritative server: only they decide. A table where there is room, cards where there is not. */
export function ServerMatrix({ connection }: { connection: ServerMatrix_connection$key }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState<Answer | null>(null);
  const data = useFragment(
    graphql`
      fragment ServerMatrix_connection on Connection {
        lastCheck {
          id
          zone {
            nameServers {
              name
              address
              verdict
            }
          }
        }
        records {
          id
          type
          fqdn
          observed {
            server
            values
            ttl
            rcode
            authoritative
            at
            outcome
          }
        }
      }
    `,
    connection,
  );
  const servers = columns(data.records, data.lastCheck?.zone?.nameServers ?? []);
  if (servers.length === 0) return null;
  return (
    <Card title={t("matrix.title")} text={t("matrix.text")} flush>
      <ul className={css.legend} aria-label={t("matrix.legend")}>
        {outcomes.map((outcome) => (
          <li key={outcome}>
            <OutcomeMark outcome={outcome} />
          </li>
        ))}
      </ul>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard */}
      <div className={css.wrap} role="region" aria-label={t("matrix.title")} tabIndex={0}>
        <table className={css.matrix}>
          <caption className="sr">{t("matrix.title")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("matrix.record")}</th>
              {servers.map((server) => (
                <th key={server.key} scope="col">
                  <ServerName server={server} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.records.map((record) => (
              <tr key={record.id}>
                <th scope="row">
                  <span className={css.type}>{record.type}</span>
                  <span className="mono" dir="ltr">
                    {record.fqdn.replace(/\.$/, "")}
                  </span>
                </th>
                {servers.map((server) => (
                  <Cell key={server.key} record={record} server={server} onOpen={setOpen} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Dialog opened={open !== null} onClose={() => setOpen(null)} title={t("matrix.said")} size={720}>
        {open && <Said {...open} check={data.lastCheck?.id} />}
      </Dialog>
    </Card>
  );
}

function ServerName({ server }: { server: Server }) {
  const { t } = useTranslation();
  const bad = server.verdict && server.verdict !== "OK";
  return (
    <span className={css.server}>
      <b className="mono" dir="ltr">
        {server.name}
      </b>
      <span className="mono dim" dir="ltr">
        {server.address}
      </span>
      {bad && <span className={css.verdict}>{t(`matrix.verdict.${server.verdict}`)}</span>}
    </span>
  );
}

function Cell({ record, server, onOpen }: { record: DnsRecord; server: Server; onOpen: (answer: Answer) => void }) {
  const { t } = useTranslation();
  const seen = seenBy(record, server);
  return (
    <td>
      <span className={css.cardServer}>
        <ServerName server={server} />
      </span>
      {seen ? (
        <UnstyledButton className={css.cell} aria-haspopup="dialog" title={t("matrix.open")} onClick={() => onOpen({ record, seen })}>
          <span className="sr">{`${record.type} ${record.fqdn.replace(/\.$/, "")}, ${server.name}:`}</span>{" "}
          <OutcomeMark outcome={seen.outcome} />
          <span className={css.detail}>
            {seen.outcome === "WRONG" && (
              <code dir="ltr" translate="no">
                {seen.values.join(", ")}
              </code>
            )}
            {seen.outcome === "FOUND" && seen.ttl != null && <span className="tabular">{t("matrix.ttl", { ttl: seen.ttl })} · </span>}
            {seen.outcome === "COULD_NOT_ASK" && <span className="mono">{seen.rcode} · </span>}
            <RelativeTime at={seen.at} />
          </span>
        </UnstyledButton>
      ) : (
        <span className={css.cell}>
          <span className="dim">{t("matrix.unasked")}</span>
        </span>
      )}
    </td>
  );
}

/** What one server said of one line, and all else that it said in the same look. */
function Said({ record, seen, check }: Answer & { check: string | undefined }) {
  const { t, i18n } = useTranslation();
  return (
    <div className={evidence.said}>
      <OutcomeMark outcome={seen.outcome} />
      <p style={{ margin: 0 }}>{t(`matrix.meaning.${seen.outcome}`)}</p>
      <Facts
        rows={[
          [
            t("checks.source"),
            <span key="s" className="mono" dir="ltr">
              {seen.server}
            </span>,
          ],
          [
            t("checks.question"),
            <span key="q" className="mono" dir="ltr">
              {record.fqdn.replace(/\.$/, "")} {record.type}
            </span>,
          ],
          [
            t("checks.answer"),
            <code key="a" className="mono" dir="ltr" translate="no" style={{ whiteSpace: "pre-wrap" }}>
              {raw(record.fqdn, record.type, seen).join("\n") || t("evidence.empty")}
            </code>,
          ],
          [
            "rcode",
            <span key="r" className="mono">
              {seen.rcode}
            </span>,
          ],
          [t("evidence.flags"), seen.authoritative ? <span key="f">aa – {t("evidence.flag.aa")}</span> : "–"],
          [t("evidence.at"), exact(seen.at, i18n.language)],
        ]}
      />
      {check && (
        <>
          <h3>{t("matrix.everything")}</h3>
          <Part what={t("checks.evidence")}>
            <Evidence id={check} server={seen.server} />
          </Part>
        </>
      )}
    </div>
  );
}
