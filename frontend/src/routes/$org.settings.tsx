import { createFileRoute, useRouter } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { OrganizationSettings } from "#/features/organization/OrganizationSettings.tsx";
import type { OrgSettingsQuery } from "#/relay/__generated__/OrgSettingsQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";

const SingleSignOn = lazy(() => import("#/features/sso/SingleSignOn.tsx"));

const query = graphql`
  query OrgSettingsQuery($organizationId: ID!) {
    ...OrganizationSettings_query
  }
`;

export const Route = createFileRoute("/$org/settings")({
  staticData: { texts: ["members", "settings", "sso"] },
  validateSearch: (search: Record<string, unknown>): { sso?: string } => ({ sso: typeof search.sso === "string" ? search.sso : undefined }),
  loader: ({ context }) => preload<OrgSettingsQuery>(query, { organizationId: context.organization.id }),
  component: function Settings() {
    const { t } = useTranslation();
    const router = useRouter();
    const data = usePreloaded<OrgSettingsQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const navigate = Route.useNavigate();
    const { sso } = Route.useSearch();
    const secure = useCan("organization.secure");
    return (
      <>
        <PageHeader tab={t("nav.settings")} title={t("nav.settings")} text={t("settings.text", { organization: organization.name })} />
        <OrganizationSettings
          query={data}
          onSaved={(slug) => {
            if (slug !== organization.slug) void navigate({ to: "/$org/settings", params: { org: slug }, replace: true });
            else void router.invalidate();
          }}
        >
          {secure && (
            <Suspense>
              <SingleSignOn organization={organization} word={sso} />
            </Suspense>
          )}
        </OrganizationSettings>
      </>
    );
  },
});
