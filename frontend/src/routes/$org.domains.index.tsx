import { createFileRoute } from "@tanstack/react-router";
import i18next from "i18next";
import { lazy, Suspense } from "react";
import { domainsSearch } from "#/features/domains/address.ts";
import { DomainsPage } from "#/features/domains/DomainsPage.tsx";
import { views } from "#/features/domains/states.ts";
import { texts } from "#/i18n/index.ts";
import type { ConnectionOrderField, DomainsListQuery } from "#/relay/__generated__/DomainsListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";

// What there is to do first comes after the list, and never keeps it waiting.
const FirstRun = lazy(async () => {
  await texts(["start"]);
  return import("#/features/firstrun/FirstRun.tsx");
});

const query = graphql`
  query DomainsListQuery($organizationId: ID!, $filter: ConnectionFilter, $orderBy: ConnectionOrder, $locale: String) {
    ...DomainsTable_query
  }
`;

const orderBy: Record<string, { field: ConnectionOrderField; descending: boolean }> = {
  newest: { field: "CREATED_AT", descending: true },
  updated: { field: "UPDATED_AT", descending: true },
  name: { field: "HOSTNAME", descending: false },
  state: { field: "STATE", descending: false },
};

export const Route = createFileRoute("/$org/domains/")({
  staticData: { texts: ["domains"] },
  validateSearch: domainsSearch,
  loaderDeps: ({ search: { view, q, app, order } }) => ({ view, q, app, order }),
  loader: ({ context, deps }) =>
    preload<DomainsListQuery>(query, {
      organizationId: context.organization.id,
      filter: { state: views[deps.view ?? "all"], text: deps.q, applicationId: deps.app },
      orderBy: orderBy[deps.order ?? "newest"],
      locale: i18next.language,
    }),
  component: function Domains() {
    const data = usePreloaded<DomainsListQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const search = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <DomainsPage
        organization={organization}
        search={search}
        onSearch={(next, replace) => void navigate({ search: next, replace, resetScroll: false })}
        query={data}
        first={
          <Suspense>
            <FirstRun organization={organization} />
          </Suspense>
        }
      />
    );
  },
});
