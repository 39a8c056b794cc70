import { Button, NativeSelect } from "@mantine/core";
import { IconMail } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Messages_query$key } from "#/relay/__generated__/Messages_query.graphql.ts";
import type { MessagesMoreQuery } from "#/relay/__generated__/MessagesMoreQuery.graphql.ts";
import type { MessagesTailSubscription } from "#/relay/__generated__/MessagesTailSubscription.graphql.ts";
import { graphql, useFeed, usePaginationFragment } from "#/relay/index.ts";
import { DataTable, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { Find } from "#/ui/Find.tsx";
import { More } from "#/ui/More.tsx";
import { LiveDot } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { MessageMark } from "./Marks.tsx";
import { type MessagesSearch, messageStates } from "./messages.ts";
import css from "./operate.module.css";

const MessageView = lazy(() => import("./MessageView.tsx"));

type Props = { query: Messages_query$key; search: MessagesSearch; onSearch: (next: MessagesSearch) => void };

/** Every mail of the installation in its newest state; never what it says. */
export function Messages({ query, search, onSearch }: Props) {
  const { t } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<MessagesMoreQuery, Messages_query$key>(
    graphql`
      fragment Messages_query on Query
      @refetchable(queryName: "MessagesMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        opsEmailDeliveries(filter: $filter, first: $first, after: $after)
          @connection(key: "Messages_opsEmailDeliveries", filters: ["filter"]) {
          __id
          totalCount
          edges {
            node {
              id
              to
              subject
              template
              state
              createdAt
              attempts {
                ok
              }
              ...MessageView_message
            }
          }
        }
      }
    `,
    query,
  );
  const rows = data.opsEmailDeliveries.edges.map((edge) => edge.node);
  const narrowed = Boolean(search.state || search.to || search.tag);
  const feed = useFeed<MessagesTailSubscription>({
    subscription: graphql`
      subscription MessagesTailSubscription($connections: [ID!]!) {
        opsDeliveryChanged(channel: EMAIL) @prependNode(connections: $connections, edgeTypeName: "EmailDeliveryEdge") {
          ... on EmailDelivery {
            id
            to
            subject
            template
            state
            createdAt
            attempts {
              ok
            }
            ...MessageView_message @alias(as: "view")
          }
        }
      }
    `,
    // A narrowed list takes no new rows: whether they match is the server's to say. What is shown changes with its state.
    variables: { connections: narrowed ? [] : [data.opsEmailDeliveries.__id] },
  });
  const open = rows.find((row) => row.id === search.message);
  return (
    <div className="stack">
      <search className={css.bar}>
        <NativeSelect
          size="xs"
          aria-label={t("operate.column.state")}
          value={search.state ?? ""}
          onChange={(event) => onSearch({ ...search, state: messageStates.find((one) => one === event.currentTarget.value) })}
          data={[
            { value: "", label: t("operate.messages.anyState") },
            ...messageStates.map((value) => ({ value, label: t(`operate.messages.state.${value}`) })),
          ]}
        />
        {search.tag && (
          <Button size="compact-xs" variant="default" onClick={() => onSearch({ ...search, tag: undefined })}>
            {t("operate.messages.tag")} <span className="mono">{search.tag}</span> ✕
          </Button>
        )}
        <span className={css.count} role="status">
          {t("operate.messages.count", { count: data.opsEmailDeliveries.totalCount ?? rows.length })}
        </span>
        <LiveDot state={feed} label={t(`live.${feed}`)} />
        <Find
          label={t("operate.messages.find")}
          value={search.to}
          onFind={(to) => onSearch({ ...search, to })}
          maxLength={254}
          className={css.search}
        />
      </search>
      {rows.length === 0 ? (
        <Empty
          icon={<IconMail size={22} />}
          title={t(narrowed ? "operate.messages.none.title" : "operate.messages.empty.title")}
          actions={
            narrowed && (
              <Button variant="default" onClick={() => onSearch({})}>
                {t("list.clear")}
              </Button>
            )
          }
        >
          {t(narrowed ? "operate.messages.none.text" : "operate.messages.empty.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("operate.messages.mails")}
          columns={[
            { key: "mail", label: t("operate.messages.mail") },
            { key: "to", label: t("operate.messages.to") },
            { key: "state", label: t("operate.column.state") },
            { key: "tries", label: t("operate.messages.tries"), end: true },
            { key: "at", label: t("operate.messages.queued"), end: true },
          ]}
        >
          {rows.map((row) => (
            <tr key={row.id}>
              <td data-wide>
                <span className={css.who}>
                  <a
                    href={`?message=${row.id}`}
                    {...rowLink}
                    onClick={(event) => {
                      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                      event.preventDefault();
                      onSearch({ ...search, message: row.id });
                    }}
                  >
                    {row.subject}
                  </a>
                  <span className="mono">{row.template}</span>
                </span>
              </td>
              <td data-label={t("operate.messages.to")}>
                <span className={css.address} dir="ltr">
                  {row.to}
                </span>
              </td>
              <td data-label={t("operate.column.state")}>
                <MessageMark state={row.state} />
              </td>
              <td data-label={t("operate.messages.tries")} data-end>
                {row.attempts.length}
              </td>
              <td data-label={t("operate.messages.queued")} data-end className="dim">
                <RelativeTime at={row.createdAt} />
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
      {open && (
        <Suspense>
          <MessageView message={open} onClose={() => onSearch({ ...search, message: undefined })} onTag={(tag) => onSearch({ tag })} />
        </Suspense>
      )}
    </div>
  );
}
