import { createFileRoute, notFound, Outlet, redirect } from "@tanstack/react-router";
import type { OrgScopeQuery } from "#/relay/__generated__/OrgScopeQuery.graphql.ts";
import type { OrgShellQuery } from "#/relay/__generated__/OrgShellQuery.graphql.ts";
import type { OrgViewerSubscription } from "#/relay/__generated__/OrgViewerSubscription.graphql.ts";
import { graphql, preload, read, useFeed, usePreloaded } from "#/relay/index.ts";
import { signedIn } from "#/relay/session.ts";
import { Shell } from "#/shell/Shell.tsx";
import { Gone } from "#/shell/States.tsx";
import { Permissions } from "#/ui/Permissions.ts";

const scope = graphql`
  query OrgScopeQuery($slug: String!) {
    organization(slug: $slug) {
      id
      slug
      name
    }
  }
`;

const shell = graphql`
  query OrgShellQuery($organizationId: ID!) {
    viewer {
      userId
      termsToAccept
      permissions(organizationId: $organizationId)
      profile {
        displayName
        email
      }
    }
  }
`;

const feed = graphql`
  subscription OrgViewerSubscription($organizationId: ID!) {
    viewerChanged {
      userId
      termsToAccept
      permissions(organizationId: $organizationId)
      profile {
        displayName
        email
      }
    }
  }
`;

/** Tenant scope: everything below knows its organization. */
export const Route = createFileRoute("/$org")({
  beforeLoad: async ({ params, location }) => {
    if (!(await signedIn())) throw redirect({ to: "/login", search: { returnTo: location.href } });
    const { organization } = await read<OrgScopeQuery>(scope, { slug: params.org });
    if (!organization) throw notFound();
    return { organization };
  },
  loader: ({ context }) => preload<OrgShellQuery>(shell, { organizationId: context.organization.id }),
  component: function Org() {
    const { viewer } = usePreloaded<OrgShellQuery>(shell, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    useFeed<OrgViewerSubscription>({ subscription: feed, variables: { organizationId: organization.id } });
    const name = viewer.profile?.displayName ?? viewer.profile?.email ?? "";
    return (
      <Shell
        organization={organization}
        person={{
          userId: viewer.userId,
          name,
          email: viewer.profile?.email ?? "",
          permissions: viewer.permissions,
          terms: viewer.termsToAccept != null,
        }}
      >
        <Permissions value={viewer.permissions}>
          {viewer.permissions.length > 0 ? <Outlet /> : <Gone name={organization.name} />}
        </Permissions>
      </Shell>
    );
  },
});
