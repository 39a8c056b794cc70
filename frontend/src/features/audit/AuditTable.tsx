import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconHistory, IconSearch } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AuditTable_query$data, AuditTable_query$key } from "#/relay/__generated__/AuditTable_query.graphql.ts";
import type { AuditTableMoreQuery } from "#/relay/__generated__/AuditTableMoreQuery.graphql.ts";
import type { AuditTableTailSubscription } from "#/relay/__generated__/AuditTableTailSubscription.graphql.ts";
import { graphql, usePaginationFragment, useStream } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import { DataTable, moreClass, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { LiveDot } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./audit.module.css";
import { type AuditSearch, filtered, outcomes, spans } from "./search.ts";

const AuditView = lazy(() => import("./AuditView.tsx"));
const tones = { OK: "good", REFUSED: "warn", FAILED: "bad" } as const;

type Row = AuditTable_query$data["audits"]["edges"][number]["node"];
type Props = { organizationId: string | null; query: AuditTable_query$key; search: AuditSearch; onSearch: (next: AuditSearch) => void };

/** Who did what, newest first, and each new row as it is written. Without an organization it is the person's own account. */
export function AuditTable({ organizationId, query, search, onSearch }: Props) {
  const { t, i18n } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<AuditTableMoreQuery, AuditTable_query$key>(
    graphql`
      fragment AuditTable_query on Query
      @refetchable(queryName: "AuditTableMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        audits(filter: $filter, first: $first, after: $after) @connection(key: "AuditTable_audits", filters: ["filter"]) {
          __id
          totalCount
          edges {
            node {
              id
              cursor
              at
              action
              outcome
              message(locale: $locale)
              actor {
                id
                kind
                label(locale: $locale)
              }
              ip
            }
          }
        }
      }
    `,
    query,
  );
  const rows = data.audits.edges.map((edge) => edge.node);
  const narrowed = filtered(search);
  const feed = useStream<AuditTableTailSubscription>({
    subscription: graphql`
      subscription AuditTableTailSubscription($organizationId: ID!, $after: String, $locale: String, $connections: [ID!]!) {
        auditAppended(organizationId: $organizationId, after: $after) @prependNode(connections: $connections, edgeTypeName: "AuditEdge") {
          id
          cursor
          at
          action
          outcome
          message(locale: $locale)
          actor {
            id
            kind
            label(locale: $locale)
          }
          ip
        }
      }
    `,
    // A narrowed list takes no new rows: whether they match is the server's to say.
    variables: {
      organizationId: organizationId ?? "",
      locale: i18n.language,
      connections: narrowed ? [] : [data.audits.__id],
      after: rows[0]?.cursor ?? null,
    },
    enabled: organizationId !== null,
    point: (message) => message.auditAppended.cursor,
  });
  return (
    <>
      <Filters search={search} onSearch={onSearch} rows={rows} own={organizationId === null} />
      <div className={css.bar}>
        <span className="dim">
          {data.audits.totalCount === null || data.audits.totalCount === undefined
            ? ""
            : t("audit.count", { count: data.audits.totalCount })}
        </span>
        {organizationId !== null && <LiveDot state={feed} label={t(`live.${feed}`)} />}
      </div>
      {rows.length === 0 ? (
        <Empty
          icon={<IconHistory size={22} />}
          title={t(narrowed ? "audit.none.title" : "audit.empty.title")}
          actions={
            narrowed && (
              <Button variant="default" onClick={() => onSearch({})}>
                {t("list.clear")}
              </Button>
            )
          }
        >
          {t(narrowed ? "audit.none.text" : "audit.empty.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("audit.title")}
          columns={[
            { key: "what", label: t("audit.what") },
            { key: "who", label: t("audit.who") },
            { key: "outcome", label: t("audit.outcome") },
            { key: "at", label: t("audit.at"), end: true },
          ]}
        >
          {rows.map((row) => (
            <tr key={row.id}>
              <td data-wide>
                <a
                  href={`?row=${row.id}`}
                  {...rowLink}
                  onClick={(event) => {
                    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                    event.preventDefault();
                    onSearch({ ...search, row: row.id });
                  }}
                >
                  <span className={css.text}>{row.message}</span>
                </a>
                <span className={css.sub}>{row.action}</span>
              </td>
              <td data-label={t("audit.who")}>
                <div>
                  {row.actor.label}
                  {row.ip && (
                    <span className={css.sub} dir="ltr">
                      {row.ip}
                    </span>
                  )}
                </div>
              </td>
              <td data-label={t("audit.outcome")}>
                <Status tone={tones[row.outcome as keyof typeof tones] ?? "none"} plain>
                  {t(`audit.outcomes.${row.outcome}`)}
                </Status>
              </td>
              <td data-label={t("audit.at")} data-end className="dim">
                <RelativeTime at={row.at} />
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {hasNext && (
        <div className={moreClass}>
          <Button size="xs" variant="default" loading={isLoadingNext} onClick={() => loadNext(50)}>
            {t("list.more")}
          </Button>
        </div>
      )}
      {search.row && (
        <Suspense>
          <Part what={t("audit.title")}>
            <AuditView id={search.row} onClose={() => onSearch({ ...search, row: undefined })} onSearch={onSearch} />
          </Part>
        </Suspense>
      )}
    </>
  );
}

function Filters({
  search,
  onSearch,
  rows,
  own,
}: {
  search: AuditSearch;
  onSearch: Props["onSearch"];
  rows: readonly Row[];
  own: boolean;
}) {
  const { t } = useTranslation();
  const [text, setText] = useState(search.q ?? "");
  const find = useDebouncedCallback((q: string) => onSearch({ ...search, q: q.trim() || undefined }), 250);
  useEffect(() => setText(search.q ?? ""), [search.q]);
  const actions = [...new Set([...rows.map((row) => row.action), ...(search.action ? [search.action] : [])])].sort();
  const people = new Map(rows.flatMap((row) => (row.actor.id ? [[row.actor.id, row.actor.label] as const] : [])));
  if (search.actor && !people.has(search.actor)) people.set(search.actor, search.actor);
  return (
    <search className={css.bar}>
      {!own && (
        <TextInput
          size="xs"
          type="search"
          aria-label={t("audit.search")}
          placeholder={t("audit.search")}
          leftSection={<IconSearch size={14} />}
          value={text}
          maxLength={200}
          data-shortcut="f"
          onChange={(event) => {
            setText(event.currentTarget.value);
            find(event.currentTarget.value);
          }}
        />
      )}
      {!own && (
        <NativeSelect
          size="xs"
          aria-label={t("audit.who")}
          value={search.actor ?? ""}
          onChange={(event) => onSearch({ ...search, actor: event.currentTarget.value || undefined })}
          data={[{ value: "", label: t("audit.anybody") }, ...[...people].map(([value, label]) => ({ value, label }))]}
        />
      )}
      <NativeSelect
        size="xs"
        aria-label={t("audit.action")}
        value={search.action ?? ""}
        onChange={(event) => onSearch({ ...search, action: event.currentTarget.value || undefined })}
        data={[{ value: "", label: t("audit.anyAction") }, ...actions]}
      />
      <NativeSelect
        size="xs"
        aria-label={t("audit.outcome")}
        value={search.outcome ?? ""}
        onChange={(event) => onSearch({ ...search, outcome: event.currentTarget.value || undefined })}
        data={[{ value: "", label: t("audit.anyOutcome") }, ...outcomes.map((value) => ({ value, label: t(`audit.outcomes.${value}`) }))]}
      />
      <NativeSelect
        size="xs"
        aria-label={t("audit.since")}
        value={String(search.days ?? 14)}
        onChange={(event) =>
          onSearch({ ...search, days: Number(event.currentTarget.value) === 14 ? undefined : Number(event.currentTarget.value) })
        }
        data={spans.map((days) => ({ value: String(days), label: t(`audit.span.${days}`) }))}
      />
    </search>
  );
}
