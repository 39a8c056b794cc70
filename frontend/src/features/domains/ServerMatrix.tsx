import { useTranslation } from "react-i18next";
import type { ServerMatrix_connection$data, ServerMatrix_connection$key } from "#/relay/__generated__/ServerMatrix_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import css from "./domain.module.css";
import { type Mark, StepMark } from "./StepMark.tsx";

type DnsRecord = ServerMatrix_connection$data["records"][number];

const plain = (value: string) =>
  value
    .trim()
    .replace(/^"(.*)"$/s, "$1")
    .replace(/\.$/, "")
    .toLowerCase();

/** Does one server's answer hold what we ask for? An empty answer is still waiting, anything else is wrong. */
export function markOf(record: Pick<DnsRecord, "value" | "status">, values: readonly string[], rcode: string): Mark {
  if (values.some((value) => plain(value) === plain(record.value))) return "DONE";
  if (values.length === 0) return /NOERROR|NXDOMAIN/i.test(rcode) ? "WAITING" : "WARNING";
  return record.status === "OK" || record.status === "FLATTENED" || record.status === "MERGED" ? "DONE" : "FAILED";
}

/** Each record on each authoritative server: only they decide. */
export function ServerMatrix({ connection }: { connection: ServerMatrix_connection$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment ServerMatrix_connection on Connection {
        records {
          id
          type
          fqdn
          value
          status
          observed {
            server
            values
            ttl
            rcode
            at
          }
        }
      }
    `,
    connection,
  );
  const servers = [...new Set(data.records.flatMap((record) => record.observed.map((seen) => seen.server)))].sort();
  if (servers.length === 0) return null;
  return (
    <Card title={t("matrix.title")} text={t("matrix.text")} flush>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard */}
      <div className={css.matrixWrap} role="region" aria-label={t("matrix.title")} tabIndex={0}>
        <table className={css.matrix}>
          <caption className="sr">{t("matrix.title")}</caption>
          <thead>
            <tr>
              <th scope="col">{t("matrix.record")}</th>
              {servers.map((server) => (
                <th key={server} scope="col" className="mono">
                  {server.replace(/\.$/, "")}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.records.map((record) => (
              <tr key={record.id}>
                <th scope="row">
                  <span className={css.type}>{record.type}</span> <span className="mono">{record.fqdn.replace(/\.$/, "")}</span>
                </th>
                {servers.map((server) => (
                  <Cell key={server} record={record} server={server} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Cell({ record, server }: { record: DnsRecord; server: string }) {
  const { t } = useTranslation();
  const seen = record.observed.find((one) => one.server === server);
  if (!seen) {
    return (
      <td>
        <StepMark state="WAITING" />
      </td>
    );
  }
  const mark = markOf(record, seen.values, seen.rcode);
  return (
    <td title={seen.values.join("\n") || seen.rcode}>
      <div className={css.cell}>
        <StepMark state={mark} />
        <div>
          {mark === "DONE" ? (
            <span className="dim tabular">{seen.ttl !== null && seen.ttl !== undefined ? t("matrix.ttl", { ttl: seen.ttl }) : null}</span>
          ) : (
            <span className={seen.values.length > 0 ? css.seen : "dim"}>{seen.values.join(", ") || t("matrix.nothing")}</span>
          )}
          <div className={css.stepTime}>
            <RelativeTime at={seen.at} />
          </div>
        </div>
      </div>
    </td>
  );
}
