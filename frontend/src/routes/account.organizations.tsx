import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { OrganizationsTable } from "#/features/organization/OrganizationsTable.tsx";
import type { OrganizationsListQuery } from "#/relay/__generated__/OrganizationsListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query OrganizationsListQuery {
    ...OrganizationsTable_query
  }
`;

export const Route = createFileRoute("/account/organizations")({
  staticData: { texts: ["members", "settings"] },
  validateSearch: (search: Record<string, unknown>): { create?: true } => ({ create: search.create ? true : undefined }),
  loader: () => preload<OrganizationsListQuery>(query, {}),
  component: function Organizations() {
    const { t } = useTranslation();
    const data = usePreloaded<OrganizationsListQuery>(query, Route.useLoaderData());
    const { create } = Route.useSearch();
    const navigate = Route.useNavigate();
    const onCreating = (creating: boolean) =>
      void navigate({ search: { create: creating || undefined }, replace: !creating, resetScroll: false });
    return (
      <>
        <PageHeader
          tab={t("organizations.title")}
          title={t("organizations.title")}
          text={t("organizations.text")}
          actions={
            <Button leftSection={<IconPlus size={16} />} onClick={() => onCreating(true)} data-shortcut="c">
              {t("organizations.create")}
            </Button>
          }
        />
        <OrganizationsTable query={data} creating={create === true} onCreating={onCreating} />
      </>
    );
  },
});
