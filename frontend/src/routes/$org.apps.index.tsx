import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { AppsGrid } from "#/features/applications/AppsGrid.tsx";
import type { AppsListQuery } from "#/relay/__generated__/AppsListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";

const query = graphql`
  query AppsListQuery($organizationId: ID!) {
    ...AppsGrid_query
  }
`;

export const Route = createFileRoute("/$org/apps/")({
  staticData: { texts: ["applications", "settings"] },
  validateSearch: (search: Record<string, unknown>): { create?: true } => ({ create: search.create ? true : undefined }),
  loader: ({ context }) => preload<AppsListQuery>(query, { organizationId: context.organization.id }),
  component: function Apps() {
    const { t } = useTranslation();
    const data = usePreloaded<AppsListQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const { create } = Route.useSearch();
    const navigate = Route.useNavigate();
    const may = useCan("application.write");
    const onCreating = (creating: boolean) =>
      void navigate({ search: { create: creating || undefined }, replace: !creating, resetScroll: false });
    return (
      <>
        <PageHeader
          tab={t("nav.apps")}
          title={t("nav.apps")}
          text={t("apps.text")}
          actions={
            may && (
              <Button leftSection={<IconPlus size={16} />} onClick={() => onCreating(true)} data-shortcut="c">
                {t("apps.create")}
              </Button>
            )
          }
        />
        <AppsGrid
          organization={organization}
          query={data}
          creating={create === true}
          onCreating={onCreating}
          onCreated={(app) => void navigate({ to: "/$org/apps/$app", params: { org: organization.slug, app }, search: { tab: "widget" } })}
        />
      </>
    );
  },
});
