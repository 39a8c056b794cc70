import { Button, SegmentedControl } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { PeopleTable_query$key } from "#/relay/__generated__/PeopleTable_query.graphql.ts";
import type { PeopleTableMoreQuery } from "#/relay/__generated__/PeopleTableMoreQuery.graphql.ts";
import { graphql, usePaginationFragment } from "#/relay/index.ts";
import { DataTable, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { Find } from "#/ui/Find.tsx";
import { More } from "#/ui/More.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Access, Roles } from "./Marks.tsx";
import css from "./operate.module.css";

type Search = { q?: string; who?: "operators" | "suspended" };
type Props = { query: PeopleTable_query$key; search: Search; onSearch: (next: Search) => void };

/** Everybody who has an account here, the newest first. */
export function PeopleTable({ query, search, onSearch }: Props) {
  const { t } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<PeopleTableMoreQuery, PeopleTable_query$key>(
    graphql`
      fragment PeopleTable_query on Query
      @refetchable(queryName: "PeopleTableMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        opsUsers(filter: $filter, first: $first, after: $after) @connection(key: "PeopleTable_opsUsers", filters: ["filter"]) {
          totalCount
          edges {
            node {
              id
              kind
              name
              email
              access
              platformRoles
              lastSeenAt
              createdAt
            }
          }
        }
      }
    `,
    query,
  );
  const rows = data.opsUsers.edges.map((edge) => edge.node);
  return (
    <div className="stack">
      <div className={css.bar}>
        <SegmentedControl
          size="xs"
          aria-label={t("operate.people.show")}
          value={search.who ?? "all"}
          onChange={(who) => onSearch({ ...search, who: who === "all" ? undefined : (who as Search["who"]) })}
          data={(["all", "operators", "suspended"] as const).map((value) => ({ value, label: t(`operate.people.${value}`) }))}
        />
        <span className={css.count} role="status">
          {t("operate.people.count", { count: data.opsUsers.totalCount ?? rows.length })}
        </span>
        <Find
          label={t("operate.people.find")}
          value={search.q}
          onFind={(q) => onSearch({ ...search, q })}
          maxLength={254}
          className={css.search}
        />
      </div>
      {rows.length === 0 ? (
        <Empty
          icon={<IconUsers size={22} />}
          title={t("operate.people.empty.title")}
          actions={
            <Button variant="default" onClick={() => onSearch({})}>
              {t("list.clear")}
            </Button>
          }
        >
          {t("operate.people.empty.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("operate.nav.people")}
          columns={[
            { key: "who", label: t("operate.column.who") },
            { key: "roles", label: t("operate.column.roles") },
            { key: "access", label: t("operate.column.access") },
            { key: "seen", label: t("operate.column.seen") },
            { key: "since", label: t("operate.column.since") },
          ]}
        >
          {rows.map((user) => (
            <tr key={user.id}>
              <td data-wide>
                <span className={css.who}>
                  <Link to="/people/$id" params={{ id: user.id }} {...rowLink}>
                    {user.name || user.email || t("operate.people.unnamed")}
                  </Link>
                  <span>{user.kind === "MACHINE" ? t("operate.people.machine") : user.email}</span>
                </span>
              </td>
              <td data-label={t("operate.column.roles")}>
                <Roles roles={user.platformRoles} />
              </td>
              <td data-label={t("operate.column.access")}>
                <Access access={user.access} />
              </td>
              <td data-label={t("operate.column.seen")}>{user.lastSeenAt ? <RelativeTime at={user.lastSeenAt} /> : "–"}</td>
              <td data-label={t("operate.column.since")}>
                <RelativeTime at={user.createdAt} />
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
    </div>
  );
}
