import { createFileRoute } from "@tanstack/react-router";
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { opsFilterOf, readOpsSearch } from "#/features/audit/search.ts";
import { AllAudits } from "#/features/operate/AllAudits.tsx";
import type { AllAuditsListQuery } from "#/relay/__generated__/AllAuditsListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query AllAuditsListQuery($filter: AuditFilter, $locale: String) {
    ...AllAudits_query
  }
`;

export const Route = createFileRoute("/audit/")({
  staticData: { texts: ["operate", "audit"] },
  validateSearch: readOpsSearch,
  loaderDeps: ({ search: { row: _, ...rest } }) => rest,
  loader: ({ deps }) => preload<AllAuditsListQuery>(query, { filter: opsFilterOf(deps), locale: i18next.language }),
  component: function AllAuditsPage() {
    const { t } = useTranslation();
    const data = usePreloaded<AllAuditsListQuery>(query, Route.useLoaderData());
    const search = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("operate.nav.audit")} title={t("operate.nav.audit")} text={t("operate.audit.text")} />
        <AllAudits query={data} search={search} onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })} />
      </>
    );
  },
});
