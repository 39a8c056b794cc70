import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { MembersTable } from "#/features/members/MembersTable.tsx";
import type { MembersListQuery } from "#/relay/__generated__/MembersListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query MembersListQuery($organizationId: ID!, $search: String) {
    ...MembersTable_query
  }
`;

export const Route = createFileRoute("/$org/members")({
  validateSearch: (search: Record<string, unknown>): { q?: string } => ({
    q: typeof search.q === "string" && search.q ? search.q.slice(0, 100) : undefined,
  }),
  loaderDeps: ({ search }) => ({ q: search.q }),
  loader: ({ context, deps }) => preload<MembersListQuery>(query, { organizationId: context.organization.id, search: deps.q ?? null }),
  component: function Members() {
    const { t } = useTranslation();
    const data = usePreloaded<MembersListQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const { q } = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("nav.members")} title={t("nav.members")} text={t("members.text", { organization: organization.name })} />
        <MembersTable
          organization={organization}
          query={data}
          search={q ?? ""}
          onSearch={(next) => void navigate({ search: { q: next || undefined }, replace: true, resetScroll: false })}
          onLeft={() => location.assign("/account/organizations")}
        />
      </>
    );
  },
});
