import { Button, NativeSelect } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { AuditList_rows$data, AuditList_rows$key } from "#/relay/__generated__/AuditList_rows.graphql.ts";
import { type FeedState, graphql, useFragment } from "#/relay/index.ts";
import { DataTable, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { Find } from "#/ui/Find.tsx";
import { More } from "#/ui/More.tsx";
import { LiveDot } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./audit.module.css";
import { type AuditSearch, outcomes, spans } from "./search.ts";

const tones = { OK: "good", REFUSED: "warn", FAILED: "bad" } as const;

type Props = {
  rows: AuditList_rows$key;
  total: number | null | undefined;
  search: AuditSearch;
  onSearch: (next: AuditSearch) => void;
  narrowed: boolean;
  /** Words can be searched for: in one organization's log. */
  searches: boolean;
  /** There are several people to choose from; else as searches. */
  actors?: boolean;
  feed: FeedState | null;
  hasNext: boolean;
  isLoadingNext: boolean;
  onMore: () => void;
  /** Between the filters and the rows. */
  children?: ReactNode;
};

/** Rows of an audit log with their filters, whosever log it is. */
export function AuditList({
  rows: keys,
  total,
  search,
  onSearch,
  narrowed,
  searches,
  actors,
  feed,
  hasNext,
  isLoadingNext,
  onMore,
  children,
}: Props) {
  const { t } = useTranslation();
  const rows = useFragment(
    graphql`
      fragment AuditList_rows on Audit @relay(plural: true) {
        id
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
    `,
    keys,
  );
  return (
    <>
      <Filters search={search} onSearch={onSearch} rows={rows} searches={searches} actors={actors ?? searches} />
      {children}
      <div className={css.bar}>
        <span className="dim">{total === null || total === undefined ? "" : t("audit.count", { count: total })}</span>
        {feed && <LiveDot state={feed} label={t(`live.${feed}`)} />}
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
            { key: "who", label: t("audit.who"), width: 190 },
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
      {hasNext && <More loading={isLoadingNext} onMore={onMore} />}
    </>
  );
}

function Filters({
  search,
  onSearch,
  rows,
  searches,
  actors,
}: Pick<Props, "search" | "onSearch" | "searches"> & { actors: boolean; rows: AuditList_rows$data }) {
  const { t } = useTranslation();
  const actions = [...new Set([...rows.map((row) => row.action), ...(search.action ? [search.action] : [])])].sort();
  const people = new Map(rows.flatMap((row) => (row.actor.id ? [[row.actor.id, row.actor.label] as const] : [])));
  if (search.actor && !people.has(search.actor)) people.set(search.actor, search.actor);
  return (
    <search className={css.bar}>
      {searches && <Find label={t("audit.search")} value={search.q} onFind={(q) => onSearch({ ...search, q })} maxLength={200} size="xs" />}
      {actors && (
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
