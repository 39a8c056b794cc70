import { IconRouter } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Edges_query$key } from "#/relay/__generated__/Edges_query.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { DataTable } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status, type Tone } from "#/ui/Status.tsx";
import { useAgain } from "./again.ts";
import css from "./operate.module.css";

const AGAIN_MS = 2_000;
const tones: Record<string, Tone> = { CURRENT: "good", BEHIND: "warn", DRAINING: "none", SILENT: "bad" };

/** Every edge and how far behind it is; read again every two seconds while it is looked at. */
export function Edges({ query, onAgain }: { query: Edges_query$key; onAgain: () => void }) {
  const { t } = useTranslation();
  const { opsEdgeNodes: nodes } = useFragment(
    graphql`
      fragment Edges_query on Query {
        opsEdgeNodes {
          id
          name
          addresses
          version
          servesDns
          ackedGeneration
          lag
          state
          startedAt
          lastSeenAt
        }
      }
    `,
    query,
  );
  useAgain(onAgain, AGAIN_MS);
  if (nodes.length === 0)
    return (
      <Empty icon={<IconRouter size={22} />} title={t("operate.edges.none.title")} code="nameplate edge">
        {t("operate.edges.none.text")}
      </Empty>
    );
  return (
    <div className="stack">
      <div className={css.bar}>
        <span className={css.count} role="status">
          {t("operate.edges.count", { count: nodes.length })} ·{" "}
          {t("operate.edges.newest", { generation: Math.max(...nodes.map((one) => one.ackedGeneration + one.lag)) })}
        </span>
      </div>
      <DataTable
        caption={t("operate.nav.edges")}
        columns={[
          { key: "name", label: t("operate.edges.name") },
          { key: "state", label: t("operate.column.state") },
          { key: "generation", label: t("operate.edges.generation") },
          { key: "dns", label: t("operate.edges.dns") },
          { key: "seen", label: t("operate.edges.seen") },
          { key: "since", label: t("operate.column.since"), end: true },
        ]}
      >
        {nodes.map((one) => (
          <tr key={one.id}>
            <td data-wide>
              <span className={css.who}>
                <span className="mono">{one.name}</span>
                <span className="mono">{[...one.addresses, one.version].filter(Boolean).join(" · ")}</span>
                {one.state !== "CURRENT" && <span className="dim">{t(`operate.edges.why.${one.state}`)}</span>}
              </span>
            </td>
            <td data-label={t("operate.column.state")}>
              <Status tone={tones[one.state] ?? "none"}>{t(`operate.edges.state.${one.state}`)}</Status>
            </td>
            <td data-label={t("operate.edges.generation")} className="tabular">
              <span style={{ whiteSpace: "nowrap" }}>
                {one.ackedGeneration}
                {one.lag > 0 && <span className="dim"> · {t("operate.edges.lag", { count: one.lag })}</span>}
              </span>
            </td>
            <td data-label={t("operate.edges.dns")}>{t(one.servesDns ? "operate.edges.answers" : "operate.edges.silent")}</td>
            <td data-label={t("operate.edges.seen")}>
              <RelativeTime at={one.lastSeenAt} />
            </td>
            <td data-label={t("operate.column.since")} data-end>
              <RelativeTime at={one.startedAt} />
            </td>
          </tr>
        ))}
      </DataTable>
    </div>
  );
}
