import { Button } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { AuditList } from "#/features/audit/AuditList.tsx";
import { type AuditSearch, filtered, opsFilterOf } from "#/features/audit/search.ts";
import type { AllAudits_query$key } from "#/relay/__generated__/AllAudits_query.graphql.ts";
import type { AllAuditsMoreQuery } from "#/relay/__generated__/AllAuditsMoreQuery.graphql.ts";
import type { AllAuditsTailSubscription } from "#/relay/__generated__/AllAuditsTailSubscription.graphql.ts";
import { graphql, usePaginationFragment, useStream } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import css from "./operate.module.css";

const AuditView = lazy(() => import("#/features/audit/AuditView.tsx"));

type Props = { query: AllAudits_query$key; search: AuditSearch; onSearch: (next: AuditSearch) => void };

/** Who did what anywhere, newest first, and each new row as it is written; the server knows which rows a narrowed list wants. */
export function AllAudits({ query, search, onSearch }: Props) {
  const { t, i18n } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<AllAuditsMoreQuery, AllAudits_query$key>(
    graphql`
      fragment AllAudits_query on Query
      @refetchable(queryName: "AllAuditsMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        opsAudits(filter: $filter, first: $first, after: $after) @connection(key: "AllAudits_opsAudits", filters: ["filter"]) {
          __id
          totalCount
          edges {
            node {
              id
              cursor
              ...AuditList_rows
            }
          }
        }
      }
    `,
    query,
  );
  const rows = data.opsAudits.edges.map((edge) => edge.node);
  const feed = useStream<AllAuditsTailSubscription>({
    subscription: graphql`
      subscription AllAuditsTailSubscription($filter: AuditFilter, $after: String, $locale: String, $connections: [ID!]!) {
        opsAuditAppended(filter: $filter, after: $after) @prependNode(connections: $connections, edgeTypeName: "AuditEdge") {
          id
          cursor
          ...AuditList_rows
        }
      }
    `,
    variables: {
      filter: opsFilterOf(search),
      locale: i18n.language,
      connections: [data.opsAudits.__id],
      after: rows[0]?.cursor ?? null,
    },
    point: (message) => message.opsAuditAppended.cursor,
  });
  const only = (["org", "subject", "request"] as const).filter((key) => search[key]);
  return (
    <>
      <AuditList
        rows={rows}
        total={data.opsAudits.totalCount}
        search={search}
        onSearch={onSearch}
        narrowed={filtered(search)}
        searches={search.org !== undefined}
        actors
        feed={feed}
        hasNext={hasNext}
        isLoadingNext={isLoadingNext}
        onMore={() => loadNext(50)}
      >
        {only.length > 0 && (
          <div className={css.chips}>
            {only.map((key) => (
              <Button
                key={key}
                size="compact-xs"
                variant="default"
                rightSection={<IconX size={12} aria-hidden />}
                aria-label={t("operate.audit.without", { what: t(`operate.audit.only.${key}`) })}
                onClick={() => onSearch({ ...search, [key]: undefined, ...(key === "org" ? { q: undefined } : {}) })}
              >
                {t(`operate.audit.only.${key}`)} <span className="mono">{search[key]}</span>
              </Button>
            ))}
          </div>
        )}
      </AuditList>
      {search.row && (
        <Suspense>
          <Part what={t("audit.title")}>
            <AuditView id={search.row} operator onClose={() => onSearch({ ...search, row: undefined })} onSearch={onSearch} />
          </Part>
        </Suspense>
      )}
    </>
  );
}
