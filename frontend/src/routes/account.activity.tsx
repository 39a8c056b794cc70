import { createFileRoute } from "@tanstack/react-router";
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { AuditTable } from "#/features/audit/AuditTable.tsx";
import { filterOf, readSearch } from "#/features/audit/search.ts";
import type { accountActivityQuery } from "#/relay/__generated__/accountActivityQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query accountActivityQuery($filter: AuditFilter, $locale: String) {
    ...AuditTable_query
  }
`;

/** What happened on the person's own account, and what they did. */
export const Route = createFileRoute("/account/activity")({
  staticData: { texts: ["audit"] },
  validateSearch: readSearch,
  loaderDeps: ({ search: { row: _, q: __, actor: ___, ...rest } }) => rest,
  loader: ({ deps }) => preload<accountActivityQuery>(query, { filter: filterOf(null, deps), locale: i18next.language }),
  component: function Activity() {
    const { t } = useTranslation();
    const data = usePreloaded<accountActivityQuery>(query, Route.useLoaderData());
    const search = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("audit.own.title")} title={t("audit.own.title")} text={t("audit.own.text")} />
        <AuditTable
          organizationId={null}
          query={data}
          search={search}
          onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })}
        />
      </>
    );
  },
});
