import { notFound, Outlet, redirect } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { PreloadedQuery } from "react-relay/hooks";
import type { frameFeedSubscription } from "#/relay/__generated__/frameFeedSubscription.graphql.ts";
import type { frameShellQuery } from "#/relay/__generated__/frameShellQuery.graphql.ts";
import { graphql, preload, read, useFeed, usePreloaded } from "#/relay/index.ts";
import { signedIn } from "#/relay/session.ts";
import { Shell } from "#/shell/Shell.tsx";
import { Permissions } from "#/ui/Permissions.ts";
import { operatorNav } from "./nav.ts";

const shell = graphql`
  query frameShellQuery {
    viewer {
      userId
      platformRoles
      operatorPermissions
      profile {
        displayName
        email
      }
      currentOrganization {
        slug
      }
    }
  }
`;

const feed = graphql`
  subscription frameFeedSubscription {
    viewerChanged {
      userId
      platformRoles
      operatorPermissions
      profile {
        displayName
        email
      }
    }
  }
`;

/**
 * What every layout of operators' pages is made of. Nobody else sees that they are there: a tenant who types /people means the members of their own
 * organization, and every other address is one that does not exist.
 */
export const operating = {
  beforeLoad: async ({ location }: { location: { href: string; pathname: string } }) => {
    if (!(await signedIn())) throw redirect({ to: "/login", search: { returnTo: location.href } });
    const { viewer } = await read<frameShellQuery>(shell, {});
    if (viewer.operatorPermissions.length > 0) return;
    // One with the role who signed in with one factor is told what is missing.
    if (viewer.platformRoles.includes("OPERATIONS")) return;
    const org = viewer.currentOrganization?.slug;
    if (location.pathname === "/people" && org) throw redirect({ to: "/$org/members", params: { org } });
    if (location.pathname === "/audit" && org) throw redirect({ to: "/$org/audit", params: { org } });
    throw notFound();
  },
  loader: () => preload<frameShellQuery>(shell, {}),
};

/** Sidebar and live rights around the operators' pages. */
export function OperatorFrame({ data }: { data: PreloadedQuery<frameShellQuery> }) {
  const { t } = useTranslation();
  const { viewer } = usePreloaded<frameShellQuery>(shell, data);
  useFeed<frameFeedSubscription>({ subscription: feed, variables: {} });
  const may = viewer.operatorPermissions;
  const name = t("operate.name");
  const entries = operatorNav
    .filter((entry) => !entry.permission || may.includes(entry.permission))
    .map((entry) => ({ ...entry, group: name }));
  return (
    <Shell
      organization={null}
      area={{ name, entries, bar: ["people", "approvals", "organizations"] }}
      person={{
        userId: viewer.userId,
        name: viewer.profile?.displayName ?? viewer.profile?.email ?? "",
        email: viewer.profile?.email ?? "",
        permissions: may,
      }}
    >
      <Permissions value={may}>{may.length > 0 ? <Outlet /> : <OneFactor />}</Permissions>
    </Shell>
  );
}

function OneFactor() {
  const { t } = useTranslation();
  return (
    <>
      <h1>{t("operate.factor.title")}</h1>
      <p className="dim">{t("operate.factor.text")}</p>
      <p>
        <a href="/account/security">{t("operate.factor.action")}</a>
      </p>
    </>
  );
}
