import { Button, NativeSelect, SegmentedControl } from "@mantine/core";
import { IconActivity } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Events_query$key } from "#/relay/__generated__/Events_query.graphql.ts";
import type { EventsMoreQuery } from "#/relay/__generated__/EventsMoreQuery.graphql.ts";
import { graphql, usePaginationFragment } from "#/relay/index.ts";
import { DataTable, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { Find } from "#/ui/Find.tsx";
import { More } from "#/ui/More.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { useAgain } from "./again.ts";
import type { EventsSearch } from "./events.ts";
import { ReaderMark } from "./Marks.tsx";
import css from "./operate.module.css";

const EventView = lazy(() => import("./EventView.tsx"));
const PAGE = 50;
const AGAIN_MS = 10_000;

type Props = { query: Events_query$key; search: EventsSearch; onSearch: (next: EventsSearch) => void; onAgain: () => void };

/** The ledger, newest first, with how far its readers are; the first page is read again every ten seconds while it is looked at. */
export function Events({ query, search, onSearch, onAgain }: Props) {
  const { t } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<EventsMoreQuery, Events_query$key>(
    graphql`
      fragment Events_query on Query
      @refetchable(queryName: "EventsMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        opsEvents(filter: $filter, first: $first, after: $after) @connection(key: "Events_opsEvents", filters: ["filter"]) {
          edges {
            node {
              id
              at
              action
              subject
              deliveries {
                reader
                state
              }
              ...EventView_event
            }
          }
        }
      }
    `,
    query,
  );
  const rows = data.opsEvents.edges.map((edge) => edge.node);
  useAgain(() => {
    if (rows.length <= PAGE) onAgain();
  }, AGAIN_MS);
  const narrowed = Boolean(search.state || search.action || search.subject || search.reader || search.org);
  const actions = [...new Set([...rows.map((row) => row.action), ...(search.action ? [search.action] : [])])].sort();
  const readers = [
    ...new Set([...rows.flatMap((row) => row.deliveries.map((one) => one.reader)), ...(search.reader ? [search.reader] : [])]),
  ].sort();
  const open = rows.find((row) => row.id === search.event);
  return (
    <div className="stack">
      <search className={css.bar}>
        <SegmentedControl
          size="xs"
          aria-label={t("operate.people.show")}
          value={search.state ?? "all"}
          onChange={(state) => onSearch({ ...search, state: state === "all" ? undefined : (state as EventsSearch["state"]) })}
          data={[
            { value: "all", label: t("operate.events.all") },
            { value: "PENDING", label: t("operate.events.reader.PENDING") },
            { value: "PARKED", label: t("operate.events.reader.PARKED") },
          ]}
        />
        {!search.state && (
          <NativeSelect
            size="xs"
            aria-label={t("operate.events.action")}
            value={search.action ?? ""}
            onChange={(event) => onSearch({ ...search, action: event.currentTarget.value || undefined })}
            data={[{ value: "", label: t("operate.events.anyAction") }, ...actions]}
          />
        )}
        {search.state && (
          <NativeSelect
            size="xs"
            aria-label={t("operate.events.readers")}
            value={search.reader ?? ""}
            onChange={(event) => onSearch({ ...search, reader: event.currentTarget.value || undefined })}
            data={[{ value: "", label: t("operate.events.anyReader") }, ...readers]}
          />
        )}
        {search.org && (
          <Button size="compact-xs" variant="default" onClick={() => onSearch({ ...search, org: undefined })}>
            {t("operate.events.organization")} <span className="mono">{search.org}</span> ✕
          </Button>
        )}
        <Find
          label={t("operate.events.find")}
          value={search.subject}
          onFind={(subject) => onSearch({ ...search, subject })}
          className={css.search}
        />
      </search>
      {rows.length === 0 ? (
        <Empty
          icon={<IconActivity size={22} />}
          title={search.state ? t(`operate.events.stood.${search.state}`) : t("operate.events.none.title")}
          actions={
            narrowed && (
              <Button variant="default" onClick={() => onSearch({})}>
                {t("list.clear")}
              </Button>
            )
          }
        >
          {t(search.state ? "operate.events.none.well" : "operate.events.none.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("operate.nav.events")}
          columns={[
            { key: "what", label: t("operate.events.action") },
            { key: "readers", label: t("operate.events.readers") },
            { key: "at", label: t("operate.events.at"), end: true },
          ]}
        >
          {rows.map((row) => (
            <tr key={row.id}>
              <td data-wide>
                <span className={css.who}>
                  <a
                    href={`?event=${row.id}`}
                    {...rowLink}
                    onClick={(event) => {
                      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                      event.preventDefault();
                      onSearch({ ...search, event: row.id });
                    }}
                  >
                    {row.action}
                  </a>
                  <span className="mono">{row.subject}</span>
                </span>
              </td>
              <td data-label={t("operate.events.readers")}>
                {row.deliveries.length === 0 ? (
                  <span className="dim">{t("operate.events.nobody")}</span>
                ) : (
                  <span className={css.tags}>
                    {row.deliveries.map((one) => (
                      <ReaderMark key={one.reader} reader={one.reader} state={one.state} />
                    ))}
                  </span>
                )}
              </td>
              <td data-label={t("operate.events.at")} data-end className="dim">
                <RelativeTime at={row.at} />
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(PAGE)} />}
      {open && (
        <Suspense>
          <EventView event={open} onClose={() => onSearch({ ...search, event: undefined })} onSearch={onSearch} />
        </Suspense>
      )}
    </div>
  );
}
