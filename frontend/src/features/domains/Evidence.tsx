import { useTranslation } from "react-i18next";
import type { EvidenceQuery } from "#/relay/__generated__/EvidenceQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { DataTable } from "#/ui/DataTable.tsx";
import { Facts } from "#/ui/Page.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./domain.module.css";

/** What each server answered in one look, word for word. */
export function Evidence({ id }: { id: string }) {
  const { t } = useTranslation();
  const { dnsCheck } = useLazyLoadQuery<EvidenceQuery>(
    graphql`
      query EvidenceQuery($id: ID!) {
        dnsCheck(id: $id) {
          zone {
            apex
            chain
            dnssec
            nameServers {
              name
              address
              verdict
              elapsedMs
            }
          }
          caa {
            relevantName
            set
            allowed
          }
          resolvers {
            name
            values
            ttl
            rcode
          }
          probe {
            address
            port
            result
            detail
            elapsedMs
          }
          observations {
            id
            source
            sourceKind
            name
            type
            values
            ttl
            rcode
            elapsedUs
            error
          }
        }
      }
    `,
    { id },
  );
  if (!dnsCheck) return <p className="dim">{t("checks.gone")}</p>;
  const { zone, caa, probe, resolvers, observations } = dnsCheck;
  return (
    <>
      <Facts
        rows={[
          zone
            ? [
                t("checks.zone"),
                <span key="z" className="mono">
                  {zone.chain.join(" → ") || zone.apex}
                </span>,
              ]
            : null,
          zone
            ? [
                t("checks.nameServers"),
                <div key="ns" className={css.servers}>
                  {zone.nameServers.map((server) => (
                    <span key={server.address}>
                      <Status plain tone={server.verdict === "OK" ? "good" : server.verdict === "SLOW" ? "warn" : "bad"}>
                        <span className="mono">{server.name.replace(/\.$/, "")}</span>{" "}
                        <span className="dim mono">
                          {server.address} · {server.verdict === "OK" ? `${server.elapsedMs.toFixed(1)} ms` : server.verdict}
                        </span>
                      </Status>
                    </span>
                  ))}
                </div>,
              ]
            : null,
          caa
            ? [
                "CAA",
                <span key="caa" className="mono">
                  {caa.set.length > 0 ? caa.set.join(", ") : t("checks.noCaa")}
                </span>,
              ]
            : null,
          resolvers.length > 0
            ? [
                t("checks.resolvers"),
                <span key="r" className="mono">
                  {resolvers.map((one) => `${one.name}: ${one.values.join(", ") || one.rcode}`).join(" · ")}
                </span>,
              ]
            : null,
          probe.length > 0
            ? [
                t("checks.probe"),
                <span key="p" className="mono">
                  {probe.map((one) => `${one.address}:${one.port} ${one.result}${one.detail ? ` (${one.detail})` : ""}`).join(" · ")}
                </span>,
              ]
            : null,
        ]}
      />
      {observations.length > 0 && (
        <DataTable
          caption={t("checks.evidence")}
          columns={[
            { key: "source", label: t("checks.source") },
            { key: "question", label: t("checks.question") },
            { key: "answer", label: t("checks.answer") },
            { key: "ttl", label: "TTL", end: true },
          ]}
        >
          {observations.map((one) => (
            <tr key={one.id}>
              <td data-label={t("checks.source")} className="mono">
                {one.source}
              </td>
              <td data-label={t("checks.question")} className="mono">
                {one.name.replace(/\.$/, "")} {one.type}
              </td>
              <td data-label={t("checks.answer")} className="mono">
                {one.error ?? (one.values.join(", ") || one.rcode)}
              </td>
              <td data-label="TTL" data-end className="tabular">
                {one.ttl ?? "–"}
              </td>
            </tr>
          ))}
        </DataTable>
      )}
    </>
  );
}
