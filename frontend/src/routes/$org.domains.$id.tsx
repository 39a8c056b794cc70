import { createFileRoute } from "@tanstack/react-router";
import i18next from "i18next";
import { type Tab, tabs } from "#/features/domains/address.ts";
import { DomainPage } from "#/features/domains/DomainPage.tsx";
import type { DomainDetailQuery } from "#/relay/__generated__/DomainDetailQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { NotFound } from "#/shell/States.tsx";

const query = graphql`
  query DomainDetailQuery($id: ID!, $locale: String) {
    connection(id: $id) {
      ...DomainPage_connection
    }
  }
`;

export const Route = createFileRoute("/$org/domains/$id")({
  staticData: { texts: ["domains", "incidents", "settings"] },
  validateSearch: (search: Record<string, unknown>): { tab?: Tab } => ({ tab: tabs.find((tab) => tab === search.tab && tab !== "setup") }),
  loader: ({ params }) => preload<DomainDetailQuery>(query, { id: params.id, locale: i18next.language }),
  component: function Domain() {
    const { connection } = usePreloaded<DomainDetailQuery>(query, Route.useLoaderData());
    const { org } = Route.useParams();
    const { tab = "setup" } = Route.useSearch();
    const navigate = Route.useNavigate();
    if (!connection) return <NotFound />;
    return (
      <DomainPage
        org={org}
        connection={connection}
        tab={tab}
        onTab={(next) => void navigate({ search: { tab: next === "setup" ? undefined : next }, resetScroll: false })}
        onGone={() => void navigate({ to: "/$org/domains" })}
      />
    );
  },
});
