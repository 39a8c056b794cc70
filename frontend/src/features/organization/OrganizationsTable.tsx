import { Button, Menu } from "@mantine/core";
import { IconBuilding, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type {
  OrganizationsTable_query$data,
  OrganizationsTable_query$key,
} from "#/relay/__generated__/OrganizationsTable_query.graphql.ts";
import type { OrganizationsTableDefaultMutation } from "#/relay/__generated__/OrganizationsTableDefaultMutation.graphql.ts";
import type { OrganizationsTableFeedSubscription } from "#/relay/__generated__/OrganizationsTableFeedSubscription.graphql.ts";
import type { OrganizationsTableLeaveMutation } from "#/relay/__generated__/OrganizationsTableLeaveMutation.graphql.ts";
import type { OrganizationsTableMoreQuery } from "#/relay/__generated__/OrganizationsTableMoreQuery.graphql.ts";
import { graphql, useAction, useFeed, usePaginationFragment } from "#/relay/index.ts";
import { focusRow } from "#/shell/shortcuts.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { DataTable, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { More } from "#/ui/More.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { RowMenu } from "#/ui/RowMenu.tsx";
import { toast, toastFailure } from "#/ui/toast.ts";
import members from "../members/members.module.css";
import css from "./organization.module.css";

const CreateDialog = lazy(() => import("./CreateDialog.tsx"));

type Membership = OrganizationsTable_query$data["memberships"]["edges"][number]["node"];
type Props = { query: OrganizationsTable_query$key; creating: boolean; onCreating: (creating: boolean) => void };

/** Where the person belongs to: open one, begin there, leave it. */
export function OrganizationsTable({ query, creating, onCreating }: Props) {
  const { t } = useTranslation();
  const [leaving, setLeaving] = useState<Membership | null>(null);
  const { data, hasNext, loadNext, isLoadingNext, refetch } = usePaginationFragment<
    OrganizationsTableMoreQuery,
    OrganizationsTable_query$key
  >(
    graphql`
      fragment OrganizationsTable_query on Query
      @refetchable(queryName: "OrganizationsTableMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        memberships(first: $first, after: $after) @connection(key: "OrganizationsTable_memberships") {
          edges {
            node {
              id
              roles
              isDefault
              joinedAt
              organization {
                id
                name
                slug
                ownership
              }
            }
          }
        }
      }
    `,
    query,
  );
  const rows = data.memberships.edges.map((edge) => edge.node);
  const reread = () => refetch({ first: Math.min(100, Math.max(50, rows.length)) }, { fetchPolicy: "store-and-network" });
  useFeed<OrganizationsTableFeedSubscription>({
    subscription: graphql`
      subscription OrganizationsTableFeedSubscription {
        viewerChanged {
          userId
          defaultOrganizationId
        }
      }
    `,
    variables: {},
    reread,
    onNext: reread,
  });
  const begin = useAction<OrganizationsTableDefaultMutation>(
    graphql`
      mutation OrganizationsTableDefaultMutation($organizationId: ID!) {
        changeDefaultOrganization(organizationId: $organizationId) {
          defaultOrganizationId
          landing
        }
      }
    `,
    {
      onDone: () => {
        toast(t("organizations.defaultSaved"));
        reread();
      },
      onFailed: (failed) => toastFailure(failed.message),
    },
  );
  const leave = useAction<OrganizationsTableLeaveMutation>(
    graphql`
      mutation OrganizationsTableLeaveMutation($organizationId: ID!) {
        leaveOrganization(organizationId: $organizationId) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        focusRow(rows.findIndex((one) => one.id === leaving?.id));
        toast(t("organizations.left", { name: leaving?.organization.name }));
        setLeaving(null);
        reread();
      },
    },
  );
  return (
    <div className="stack">
      {rows.length === 0 ? (
        <Empty
          icon={<IconBuilding size={22} />}
          title={t("organizations.empty.title")}
          actions={
            <Button leftSection={<IconPlus size={16} />} onClick={() => onCreating(true)}>
              {t("organizations.create")}
            </Button>
          }
        >
          {t("organizations.empty.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("organizations.title")}
          columns={[
            { key: "name", label: t("organizations.column.name") },
            { key: "roles", label: t("members.column.roles") },
            { key: "joined", label: t("members.column.joined") },
            { key: "menu", label: t("members.column.menu"), hidden: true, end: true },
          ]}
        >
          {rows.map((one) => (
            <tr key={one.id}>
              <td data-wide>
                <Link to="/$org" params={{ org: one.organization.slug }} {...rowLink}>
                  <span className={css.name}>{one.organization.name}</span>
                </Link>
                <span className={members.marks}>
                  {one.isDefault && <span className={members.mark}>{t("organizations.mark.default")}</span>}
                  {one.organization.ownership === "PERSONAL" && <span className={members.mark}>{t("organizations.mark.personal")}</span>}
                </span>
                <span className={css.address}>/{one.organization.slug}</span>
              </td>
              <td data-label={t("members.column.roles")}>
                <span className={members.roles}>
                  {one.roles.map((role) => (
                    <span key={role}>{t(`role.${role}`)}</span>
                  ))}
                </span>
              </td>
              <td data-label={t("members.column.joined")}>
                <RelativeTime at={one.joinedAt} />
              </td>
              <td data-end>
                {(!one.isDefault || one.organization.ownership === "SHARED") && (
                  <RowMenu label={t("members.menu", { name: one.organization.name })}>
                    {!one.isDefault && (
                      <Menu.Item onClick={() => begin.run({ organizationId: one.organization.id })}>{t("organizations.begin")}</Menu.Item>
                    )}
                    {one.organization.ownership === "SHARED" && (
                      <Menu.Item color="red.9" onClick={() => setLeaving(one)}>
                        {t("organizations.leave")}
                      </Menu.Item>
                    )}
                  </RowMenu>
                )}
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
      {creating && (
        <Suspense>
          <CreateDialog onClose={() => onCreating(false)} />
        </Suspense>
      )}
      <Confirm
        opened={leaving !== null}
        onClose={() => {
          setLeaving(null);
          leave.clear();
        }}
        title={t("organizations.leaveTitle", { name: leaving?.organization.name })}
        action={t("organizations.leave")}
        pending={leave.pending}
        onConfirm={() => leaving && leave.run({ organizationId: leaving.organization.id })}
        failure={leave.failed && <ErrorCard problem={leave.failed} />}
      >
        {t("organizations.leaveText")}
      </Confirm>
    </div>
  );
}
