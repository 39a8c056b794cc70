import { createFileRoute, Outlet, redirect } from "@tanstack/react-router";
import type { AccountShellQuery } from "#/relay/__generated__/AccountShellQuery.graphql.ts";
import type { accountFeedSubscription } from "#/relay/__generated__/accountFeedSubscription.graphql.ts";
import { graphql, preload, useFeed, usePreloaded } from "#/relay/index.ts";
import { signedIn } from "#/relay/session.ts";
import { Shell } from "#/shell/Shell.tsx";

const query = graphql`
  query AccountShellQuery {
    viewer {
      userId
      termsToAccept
      permissions
      profile {
        displayName
        email
      }
      currentOrganization {
        id
        slug
        name
      }
    }
  }
`;

const feed = graphql`
  subscription accountFeedSubscription {
    viewerChanged {
      userId
      termsToAccept
      profile {
        displayName
        email
      }
    }
  }
`;

/** What is the person's own. The shell around it is that of the organization where their console begins. */
export const Route = createFileRoute("/account")({
  beforeLoad: async ({ location }) => {
    if (!(await signedIn())) throw redirect({ to: "/login", search: { returnTo: location.href } });
  },
  loader: () => preload<AccountShellQuery>(query, {}),
  component: function Account() {
    const { viewer } = usePreloaded<AccountShellQuery>(query, Route.useLoaderData());
    useFeed<accountFeedSubscription>({ subscription: feed, variables: {} });
    const name = viewer.profile?.displayName ?? viewer.profile?.email ?? "";
    return (
      <Shell
        organization={viewer.currentOrganization ?? null}
        person={{
          userId: viewer.userId,
          name,
          email: viewer.profile?.email ?? "",
          permissions: viewer.permissions,
          terms: viewer.termsToAccept != null,
        }}
      >
        <Outlet />
      </Shell>
    );
  },
});
