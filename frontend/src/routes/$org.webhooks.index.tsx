import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { EndpointsTable } from "#/features/webhooks/EndpointsTable.tsx";
import type { EndpointsListQuery } from "#/relay/__generated__/EndpointsListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";

const query = graphql`
  query EndpointsListQuery($organizationId: ID!) {
    ...EndpointsTable_query
  }
`;

export const Route = createFileRoute("/$org/webhooks/")({
  staticData: { texts: ["domains", "webhooks"] },
  validateSearch: (search: Record<string, unknown>): { create?: true } => ({ create: search.create ? true : undefined }),
  loader: ({ context }) => preload<EndpointsListQuery>(query, { organizationId: context.organization.id }),
  component: function Webhooks() {
    const { t } = useTranslation();
    const data = usePreloaded<EndpointsListQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const { create } = Route.useSearch();
    const navigate = Route.useNavigate();
    const may = useCan("webhook.write");
    const onCreating = (creating: boolean) =>
      void navigate({ search: { create: creating || undefined }, replace: !creating, resetScroll: false });
    return (
      <>
        <PageHeader
          tab={t("nav.webhooks")}
          title={t("nav.webhooks")}
          text={t("webhooks.text")}
          actions={
            may && (
              <Button leftSection={<IconPlus size={16} />} onClick={() => onCreating(true)} data-shortcut="c">
                {t("webhooks.create")}
              </Button>
            )
          }
        />
        <EndpointsTable organization={organization} query={data} creating={create === true} onCreating={onCreating} />
      </>
    );
  },
});
