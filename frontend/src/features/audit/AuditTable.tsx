import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { AuditTable_query$key } from "#/relay/__generated__/AuditTable_query.graphql.ts";
import type { AuditTableMoreQuery } from "#/relay/__generated__/AuditTableMoreQuery.graphql.ts";
import type { AuditTableTailSubscription } from "#/relay/__generated__/AuditTableTailSubscription.graphql.ts";
import { graphql, usePaginationFragment, useStream } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import { AuditList } from "./AuditList.tsx";
import { type AuditSearch, filtered } from "./search.ts";

const AuditView = lazy(() => import("./AuditView.tsx"));

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
              ...AuditList_rows
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
          ...AuditList_rows
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
      <AuditList
        rows={rows}
        total={data.audits.totalCount}
        search={search}
        onSearch={onSearch}
        narrowed={narrowed}
        searches={organizationId !== null}
        feed={organizationId === null ? null : feed}
        hasNext={hasNext}
        isLoadingNext={isLoadingNext}
        onMore={() => loadNext(50)}
      />
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
