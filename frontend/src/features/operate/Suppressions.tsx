import { Button } from "@mantine/core";
import { IconMailOff } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Suppressions_query$key } from "#/relay/__generated__/Suppressions_query.graphql.ts";
import type { SuppressionsMoreQuery } from "#/relay/__generated__/SuppressionsMoreQuery.graphql.ts";
import type { SuppressionsRemoveMutation } from "#/relay/__generated__/SuppressionsRemoveMutation.graphql.ts";
import { ConnectionHandler, graphql, useAction, usePaginationFragment } from "#/relay/index.ts";
import { DataTable } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { Find } from "#/ui/Find.tsx";
import { More } from "#/ui/More.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import type { MessagesSearch } from "./messages.ts";
import css from "./operate.module.css";
import { ReasonDialog } from "./ReasonDialog.tsx";

type Props = { query: Suppressions_query$key; search: MessagesSearch; onSearch: (next: MessagesSearch) => void };

/** Addresses that nothing is sent to, and how to let mails go there again. */
export function Suppressions({ query, search, onSearch }: Props) {
  const { t } = useTranslation();
  const may = useCan("message.redeliver");
  const [removing, setRemoving] = useState<string | null>(null);
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<SuppressionsMoreQuery, Suppressions_query$key>(
    graphql`
      fragment Suppressions_query on Query
      @refetchable(queryName: "SuppressionsMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        opsSuppressions(search: $search, first: $first, after: $after)
          @connection(key: "Suppressions_opsSuppressions", filters: ["search"]) {
          __id
          totalCount
          edges {
            node {
              channel
              recipient
              reason
              since
            }
          }
        }
      }
    `,
    query,
  );
  const list = data.opsSuppressions.__id;
  const remove = useAction<SuppressionsRemoveMutation>(
    graphql`
      mutation SuppressionsRemoveMutation($recipient: String!, $reason: String!) {
        opsRemoveSuppression(channel: EMAIL, recipient: $recipient, reason: $reason) {
          ok
        }
      }
    `,
    {
      updater: (store) => {
        const connection = store.get(list);
        const gone = connection
          ?.getLinkedRecords("edges")
          ?.find((edge) => edge?.getLinkedRecord("node")?.getValue("recipient") === removing);
        const node = gone?.getLinkedRecord("node");
        if (connection && node) ConnectionHandler.deleteNode(connection, node.getDataID());
      },
      onDone: () => {
        toast(t("operate.messages.suppressed.done", { address: removing }));
        setRemoving(null);
      },
    },
  );
  const rows = data.opsSuppressions.edges.map((edge) => edge.node);
  return (
    <div className="stack">
      <search className={css.bar}>
        <span className={css.count} role="status">
          {t("operate.messages.suppressed.count", { count: data.opsSuppressions.totalCount })}
        </span>
        <Find
          label={t("operate.messages.suppressed.find")}
          value={search.to}
          onFind={(to) => onSearch({ ...search, to })}
          maxLength={254}
          className={css.search}
        />
      </search>
      {rows.length === 0 ? (
        <Empty icon={<IconMailOff size={22} />} title={t("operate.messages.suppressed.empty")}>
          {t("operate.messages.suppressed.emptyText")}
        </Empty>
      ) : (
        <DataTable
          caption={t("operate.messages.suppressed.title")}
          columns={[
            { key: "to", label: t("operate.messages.to") },
            { key: "why", label: t("operate.messages.reason") },
            { key: "since", label: t("operate.column.since") },
            { key: "menu", label: t("operate.more"), hidden: true, end: true },
          ]}
        >
          {rows.map((row) => (
            <tr key={row.recipient}>
              <td data-wide>
                <span className={css.address} dir="ltr">
                  {row.recipient}
                </span>
              </td>
              <td data-label={t("operate.messages.reason")}>{t(`operate.messages.why.${row.reason}`, { defaultValue: row.reason })}</td>
              <td data-label={t("operate.column.since")}>
                <RelativeTime at={row.since} />
              </td>
              <td data-end>
                {may && (
                  <Button size="compact-sm" variant="default" data-row-link onClick={() => setRemoving(row.recipient)}>
                    {t("operate.messages.suppressed.remove")}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
      {removing && (
        <ReasonDialog
          title={t("operate.messages.suppressed.removeTitle", { address: removing })}
          action={t("operate.messages.suppressed.remove")}
          pending={remove.pending}
          failed={remove.failed}
          onClose={() => {
            setRemoving(null);
            remove.clear();
          }}
          onConfirm={(reason) => void remove.run({ recipient: removing, reason })}
        >
          {t("operate.messages.suppressed.removeText")}
        </ReasonDialog>
      )}
    </div>
  );
}
