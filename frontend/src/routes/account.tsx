import { createFileRoute, Outlet, redirect } from "@tanstack/react-router";
import { AccountPage } from "#/features/account/AccountPage.tsx";
import type { accountFeedSubscription } from "#/relay/__generated__/accountFeedSubscription.graphql.ts";
import type { accountQuery } from "#/relay/__generated__/accountQuery.graphql.ts";
import { graphql, preload, useFeed, usePreloaded } from "#/relay/index.ts";
import { signedIn } from "#/relay/session.ts";

const query = graphql`
  query accountQuery {
    viewer {
      userId
      profile {
        displayName
        email
      }
    }
  }
`;

const feed = graphql`
  subscription accountFeedSubscription {
    viewerChanged {
      userId
      profile {
        displayName
        email
      }
    }
  }
`;

/** A person's own pages, whatever organization they work in. */
export const Route = createFileRoute("/account")({
  beforeLoad: async ({ location }) => {
    if (!(await signedIn())) throw redirect({ to: "/login", search: { returnTo: location.href } });
  },
  loader: () => preload<accountQuery>(query, {}),
  component: function Account() {
    const { viewer } = usePreloaded<accountQuery>(query, Route.useLoaderData());
    useFeed<accountFeedSubscription>({ subscription: feed, variables: {} });
    return (
      <AccountPage userId={viewer.userId} name={viewer.profile?.email ?? viewer.profile?.displayName ?? ""}>
        <Outlet />
      </AccountPage>
    );
  },
});
