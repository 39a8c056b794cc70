import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { AllOrganizations } from "#/features/operate/AllOrganizations.tsx";
import type { AllOrganizationsListQuery } from "#/relay/__generated__/AllOrganizationsListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query AllOrganizationsListQuery($filter: OrganizationFilter) {
    ...AllOrganizations_query
  }
`;

export const Route = createFileRoute("/ops/organizations")({
  staticData: { texts: ["operate"] },
  validateSearch: (search: Record<string, unknown>): { q?: string; deleted?: true } => ({
    q: typeof search.q === "string" && search.q ? search.q.slice(0, 100) : undefined,
    deleted: search.deleted ? true : undefined,
  }),
  loaderDeps: ({ search }) => search,
  loader: ({ deps }) => preload<AllOrganizationsListQuery>(query, { filter: { text: deps.q ?? null, deleted: deps.deleted ?? null } }),
  component: function Organizations() {
    const { t } = useTranslation();
    const data = usePreloaded<AllOrganizationsListQuery>(query, Route.useLoaderData());
    const search = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("operate.nav.organizations")} title={t("operate.nav.organizations")} text={t("operate.organizations.text")} />
        <AllOrganizations
          query={data}
          search={search}
          onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })}
        />
      </>
    );
  },
});
