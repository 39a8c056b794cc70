import { Button } from "@mantine/core";
import { Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { EvidenceFindingQuery } from "#/relay/__generated__/EvidenceFindingQuery.graphql.ts";
import type { EvidenceQuery } from "#/relay/__generated__/EvidenceQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { Rows } from "#/shell/States.tsx";
import { Dialog } from "#/ui/Dialog.tsx";
import { Facts } from "#/ui/Page.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./domain.module.css";
import { Observations } from "./Observations.tsx";

/** What each server answered in one look, word for word. */
export function Evidence({ id, server }: { id: string; server?: string }) {
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
            ...Observations_list
          }
        }
      }
    `,
    { id },
  );
  if (!dnsCheck) return <p className="dim">{t("checks.gone")}</p>;
  const { zone, caa, probe, resolvers, observations } = dnsCheck;
  if (server) return <Observations observations={observations} server={server} />;
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
                  {zone.nameServers.map((one) => (
                    <span key={one.address}>
                      <Status plain tone={one.verdict === "OK" ? "good" : one.verdict === "SLOW" ? "warn" : "bad"}>
                        <span>
                          <span className="mono">{one.name.replace(/\.$/, "")}</span>{" "}
                          <span className="dim mono">
                            {one.address} · {one.verdict === "OK" ? `${one.elapsedMs.toFixed(1)} ms` : t(`matrix.verdict.${one.verdict}`)}
                          </span>
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
      <Observations observations={observations} />
    </>
  );
}

/** The answers that prove a finding; asked for when somebody wants to see them. */
function Proof({ ids }: { ids: readonly string[] }) {
  const { nodes } = useLazyLoadQuery<EvidenceFindingQuery>(
    graphql`
      query EvidenceFindingQuery($ids: [ID!]!) {
        nodes(ids: $ids) {
          __typename
          ... on Observation {
            ...Observations_list
          }
        }
      }
    `,
    { ids: [...ids] },
  );
  return <Observations observations={nodes.flatMap((node) => (node?.__typename === "Observation" ? [node] : []))} />;
}

/** nodes() answers at most so many. */
const MOST = 100;

/** A finding's evidence, one click away. */
export function ProofButton({ ids, title }: { ids: readonly string[]; title: string }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  if (ids.length === 0) return null;
  return (
    <>
      <Button size="compact-xs" variant="default" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        {t("evidence.show")}
      </Button>
      <Dialog opened={open} onClose={() => setOpen(false)} title={title} size={720}>
        <Suspense fallback={<Rows n={3} />}>
          <Proof ids={ids.slice(0, MOST)} />
        </Suspense>
      </Dialog>
    </>
  );
}
