import { Button, Radio, Stack } from "@mantine/core";
import { IconGavel } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Disputes_query$data, Disputes_query$key } from "#/relay/__generated__/Disputes_query.graphql.ts";
import type { DisputesDecideMutation } from "#/relay/__generated__/DisputesDecideMutation.graphql.ts";
import type { DisputesMoreQuery } from "#/relay/__generated__/DisputesMoreQuery.graphql.ts";
import { graphql, useAction, usePaginationFragment } from "#/relay/index.ts";
import { DataTable } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { More } from "#/ui/More.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import { Held } from "./Held.tsx";
import css from "./operate.module.css";
import { ReasonDialog } from "./ReasonDialog.tsx";

type Dispute = Disputes_query$data["opsNameDisputes"]["edges"][number]["node"];
type Waiting = Parameters<typeof Held>[0]["waiting"];

/** Names that two have proven. Whoever holds one keeps it until it is decided. */
export function Disputes({ query, onAgain }: { query: Disputes_query$key; onAgain: () => void }) {
  const { t } = useTranslation();
  const may = useCan("domain.block");
  const [open, setOpen] = useState<Dispute | null>(null);
  const [winner, setWinner] = useState("");
  const [waiting, setWaiting] = useState<Waiting | null>(null);
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<DisputesMoreQuery, Disputes_query$key>(
    graphql`
      fragment Disputes_query on Query
      @refetchable(queryName: "DisputesMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        opsNameDisputes(first: $first, after: $after) @connection(key: "Disputes_opsNameDisputes") {
          totalCount
          edges {
            node {
              hostname
              since
              holder {
                connectionId
                organization
                application
                state
                startedAt
              }
              challenger {
                connectionId
                organization
                application
                state
                startedAt
              }
            }
          }
        }
      }
    `,
    query,
  );
  const decide = useAction<DisputesDecideMutation>(
    graphql`
      mutation DisputesDecideMutation($hostname: String!, $winner: ID!, $reason: String!) {
        opsDecideClaim(hostname: $hostname, winner: $winner, reason: $reason) {
          done
          waiting {
            kind
            requestId
            until
          }
        }
      }
    `,
    {
      onDone: ({ opsDecideClaim: { done, waiting } }) => {
        if (done) toast(t("operate.disputes.done", { hostname: open?.hostname }));
        setOpen(null);
        setWaiting(waiting ?? null);
        onAgain();
      },
    },
  );
  const rows = data.opsNameDisputes.edges.map((edge) => edge.node);
  if (rows.length === 0)
    return (
      <Empty icon={<IconGavel size={22} />} title={t("operate.disputes.none.title")}>
        {t("operate.disputes.none.text")}
      </Empty>
    );
  return (
    <div className="stack">
      {waiting && <Held waiting={waiting} />}
      <div className={css.bar}>
        <span className={css.count} role="status">
          {t("operate.disputes.count", { count: data.opsNameDisputes.totalCount })}
        </span>
      </div>
      <DataTable
        caption={t("operate.nav.disputes")}
        columns={[
          { key: "name", label: t("operate.disputes.hostname") },
          { key: "holder", label: t("operate.disputes.holder") },
          { key: "challenger", label: t("operate.disputes.challenger") },
          { key: "since", label: t("operate.column.since") },
          { key: "menu", label: t("operate.more"), hidden: true, end: true },
        ]}
      >
        {rows.map((one) => (
          <tr key={one.hostname}>
            <td data-wide>
              <span className="mono" translate="no">
                {one.hostname}
              </span>
            </td>
            {(["holder", "challenger"] as const).map((side) => (
              <td key={side} data-label={t(`operate.disputes.${side}`)}>
                <Side of={one[side]} />
              </td>
            ))}
            <td data-label={t("operate.column.since")}>
              <RelativeTime at={one.since} />
            </td>
            <td data-end>
              {may && (
                <Button
                  size="compact-sm"
                  variant="default"
                  data-row-link
                  onClick={() => {
                    setWinner(one.holder.connectionId);
                    setOpen(one);
                  }}
                >
                  {t("operate.disputes.decide")}
                </Button>
              )}
            </td>
          </tr>
        ))}
      </DataTable>
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
      {open && (
        <ReasonDialog
          title={t("operate.disputes.title", { hostname: open.hostname })}
          action={t("operate.disputes.decide")}
          danger={winner !== open.holder.connectionId}
          pending={decide.pending}
          failed={decide.failed}
          onClose={() => {
            setOpen(null);
            decide.clear();
          }}
          onConfirm={(reason) => decide.run({ hostname: open.hostname, winner, reason })}
        >
          <p>{t("operate.disputes.ask")}</p>
          <Radio.Group label={t("operate.disputes.whose")} value={winner} onChange={setWinner}>
            <Stack gap="xs" mt="xs">
              {(["holder", "challenger"] as const).map((side) => (
                <Radio
                  key={side}
                  value={open[side].connectionId}
                  label={`${open[side].organization} · ${open[side].application}`}
                  description={t(`operate.disputes.means.${side}`)}
                />
              ))}
            </Stack>
          </Radio.Group>
        </ReasonDialog>
      )}
    </div>
  );
}

function Side({ of }: { of: Dispute["holder"] }) {
  const { t } = useTranslation();
  return (
    <span className={css.who}>
      <span>{of.organization}</span>
      <span className="dim">
        {of.application} · {t(`state.${of.state}`)} · <RelativeTime at={of.startedAt} />
      </span>
    </span>
  );
}
