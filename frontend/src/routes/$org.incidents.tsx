import { createFileRoute } from "@tanstack/react-router";
import i18next from "i18next";
import { IncidentsPage } from "#/features/incidents/IncidentsPage.tsx";
import type { IncidentsListQuery } from "#/relay/__generated__/IncidentsListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";

const query = graphql`
  query IncidentsListQuery($organizationId: ID!, $open: Boolean, $locale: String) {
    ...IncidentsTable_query
  }
`;

export const Route = createFileRoute("/$org/incidents")({
  staticData: { texts: ["domains", "incidents"] },
  validateSearch: (search: Record<string, unknown>): { past?: true } => ({ past: search.past ? true : undefined }),
  loaderDeps: ({ search }) => ({ past: search.past === true }),
  loader: ({ context, deps }) =>
    preload<IncidentsListQuery>(query, { organizationId: context.organization.id, open: !deps.past, locale: i18next.language }),
  component: function Incidents() {
    const data = usePreloaded<IncidentsListQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const { past } = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <IncidentsPage
        organization={organization}
        past={past === true}
        onPast={(next) => void navigate({ search: { past: next || undefined }, resetScroll: false })}
        query={data}
      />
    );
  },
});
