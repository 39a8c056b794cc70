import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { MembersTable } from "#/features/members/MembersTable.tsx";
import type { MembersListQuery } from "#/relay/__generated__/MembersListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";

const query = graphql`
  query MembersListQuery($organizationId: ID!, $search: String) {
    ...MembersTable_query
  }
`;

export const Route = createFileRoute("/$org/members")({
  staticData: { texts: ["members"] },
  validateSearch: (search: Record<string, unknown>): { q?: string; invite?: true } => ({
    invite: search.invite ? true : undefined,
    q: typeof search.q === "string" && search.q ? search.q.slice(0, 100) : undefined,
  }),
  loaderDeps: ({ search }) => ({ q: search.q }),
  loader: ({ context, deps }) => preload<MembersListQuery>(query, { organizationId: context.organization.id, search: deps.q ?? null }),
  component: function Members() {
    const { t } = useTranslation();
    const data = usePreloaded<MembersListQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const { q, invite } = Route.useSearch();
    const may = useCan("member.invite");
    const navigate = Route.useNavigate();
    const onInviting = (inviting: boolean) =>
      void navigate({ search: (old) => ({ ...old, invite: inviting || undefined }), replace: !inviting, resetScroll: false });
    return (
      <>
        <PageHeader
          tab={t("nav.members")}
          title={t("nav.members")}
          text={t("members.text", { organization: organization.name })}
          actions={
            may && (
              <Button leftSection={<IconPlus size={16} />} onClick={() => onInviting(true)} data-shortcut="c">
                {t("invitations.invite")}
              </Button>
            )
          }
        />
        <MembersTable
          organization={organization}
          query={data}
          search={q ?? ""}
          onSearch={(next) => void navigate({ search: { q: next || undefined }, replace: true, resetScroll: false })}
          inviting={invite === true}
          onInviting={onInviting}
          onLeft={() => location.assign("/account/organizations")}
        />
      </>
    );
  },
});
