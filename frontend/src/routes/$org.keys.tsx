import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { createFileRoute } from "@tanstack/react-router";
import { useContext } from "react";
import { useTranslation } from "react-i18next";
import { KeysTable } from "#/features/keys/KeysTable.tsx";
import type { KeysListQuery } from "#/relay/__generated__/KeysListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";
import { Permissions } from "#/ui/Permissions.ts";

const query = graphql`
  query KeysListQuery($organizationId: ID!) {
    ...KeysTable_query
  }
`;

export const Route = createFileRoute("/$org/keys")({
  staticData: { texts: ["keys"] },
  validateSearch: (search: Record<string, unknown>): { create?: true } => ({ create: search.create ? true : undefined }),
  loader: ({ context }) => preload<KeysListQuery>(query, { organizationId: context.organization.id }),
  component: function Keys() {
    const { t } = useTranslation();
    const data = usePreloaded<KeysListQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const { create } = Route.useSearch();
    const navigate = Route.useNavigate();
    const onCreating = (creating: boolean) =>
      void navigate({ search: { create: creating || undefined }, replace: !creating, resetScroll: false });
    return (
      <>
        <PageHeader
          tab={t("nav.keys")}
          title={t("nav.keys")}
          text={t("keys.text")}
          actions={
            <Button leftSection={<IconPlus size={16} />} onClick={() => onCreating(true)} data-shortcut="c">
              {t("keys.create")}
            </Button>
          }
        />
        <KeysTable
          organizationId={organization.id}
          query={data}
          permissions={useContext(Permissions)}
          creating={create === true}
          onCreating={onCreating}
        />
      </>
    );
  },
});
