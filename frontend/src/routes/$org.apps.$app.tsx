import { createFileRoute } from "@tanstack/react-router";
import i18next from "i18next";
import { useContext } from "react";
import { AppPage } from "#/features/applications/AppPage.tsx";
import { type AppTab, appTabs } from "#/features/applications/address.ts";
import { ApplicationDomains } from "#/features/domains/ApplicationDomains.tsx";
import { ApplicationKeys } from "#/features/keys/ApplicationKeys.tsx";
import type { AppDetailQuery } from "#/relay/__generated__/AppDetailQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { NotFound } from "#/shell/States.tsx";
import { Permissions } from "#/ui/Permissions.ts";

const query = graphql`
  query AppDetailQuery($id: ID!) {
    application(id: $id) {
      id
      ...AppPage_application
    }
  }
`;

export const Route = createFileRoute("/$org/apps/$app")({
  staticData: { texts: ["applications", "domains", "incidents", "keys", "settings"] },
  validateSearch: (search: Record<string, unknown>): { tab?: AppTab; create?: true } => ({
    tab: appTabs.find((tab) => tab === search.tab && tab !== "overview"),
    create: search.create ? true : undefined,
  }),
  loader: ({ params }) => preload<AppDetailQuery>(query, { id: params.app }),
  component: function App() {
    const { application } = usePreloaded<AppDetailQuery>(query, Route.useLoaderData());
    const { org } = Route.useParams();
    const { organization } = Route.useRouteContext();
    const { tab = "overview", create } = Route.useSearch();
    const navigate = Route.useNavigate();
    const permissions = useContext(Permissions);
    if (!application) return <NotFound />;
    return (
      <AppPage
        org={org}
        application={application}
        tab={tab}
        onTab={(next) => void navigate({ search: { tab: next === "overview" ? undefined : next }, resetScroll: false })}
        onGone={() => void navigate({ to: "/$org/apps" })}
        domains={
          <ApplicationDomains
            organization={organization}
            applicationId={application.id}
            locale={i18next.language}
            onConnect={() => void navigate({ to: "/$org/domains", search: { app: application.id, connect: true } })}
          />
        }
        keys={
          <ApplicationKeys
            organizationId={organization.id}
            applicationId={application.id}
            permissions={permissions}
            creating={create === true}
            onCreating={(creating) => void navigate({ search: { tab: "keys", create: creating || undefined }, resetScroll: false })}
          />
        }
      />
    );
  },
});
