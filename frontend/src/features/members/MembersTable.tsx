import { Button, Menu } from "@mantine/core";
import { IconUsers } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { MembersTable_query$data, MembersTable_query$key } from "#/relay/__generated__/MembersTable_query.graphql.ts";
import type { MembersTableFeedSubscription } from "#/relay/__generated__/MembersTableFeedSubscription.graphql.ts";
import type { MembersTableLeaveMutation } from "#/relay/__generated__/MembersTableLeaveMutation.graphql.ts";
import type { MembersTableMoreQuery } from "#/relay/__generated__/MembersTableMoreQuery.graphql.ts";
import type { MembersTableRemoveMutation } from "#/relay/__generated__/MembersTableRemoveMutation.graphql.ts";
import { graphql, useAction, useFeed, usePaginationFragment } from "#/relay/index.ts";
import { focusRow } from "#/shell/shortcuts.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { DataTable } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Find } from "#/ui/Find.tsx";
import { More } from "#/ui/More.tsx";
import { LiveDot } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { RowMenu } from "#/ui/RowMenu.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./members.module.css";

const InviteDialog = lazy(() => import("./InviteDialog.tsx"));
const Invitations = lazy(() => import("./Invitations.tsx"));
const RolesDialog = lazy(() => import("./RolesDialog.tsx"));

type Member = NonNullable<MembersTable_query$data["organization"]>["members"]["edges"][number]["node"];
type Props = {
  organization: { id: string; name: string };
  query: MembersTable_query$key;
  search: string;
  onSearch: (search: string) => void;
  inviting: boolean;
  onInviting: (inviting: boolean) => void;
  onLeft: () => void;
};

/** Who belongs to an organization, live: who joins, goes or gets other roles is seen by everybody who has the page open. */
export function MembersTable({ organization, query, search, onSearch, inviting, onInviting, onLeft }: Props) {
  const { t } = useTranslation();
  const mayRemove = useCan("member.remove");
  const mayAssign = useCan("member.assign_role");
  const mayInvite = useCan("member.invite");
  const [round, setRound] = useState(0);
  const [changing, setChanging] = useState<Member | null>(null);
  const [removing, setRemoving] = useState<Member | null>(null);
  const [leaving, setLeaving] = useState(false);

  const { data, hasNext, loadNext, isLoadingNext, refetch } = usePaginationFragment<MembersTableMoreQuery, MembersTable_query$key>(
    graphql`
      fragment MembersTable_query on Query
      @refetchable(queryName: "MembersTableMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        viewer {
          userId
        }
        organization(id: $organizationId) {
          id
          ownership
          members(first: $first, after: $after, search: $search) @connection(key: "MembersTable_members", filters: ["search"]) {
            totalCount
            edges {
              node {
                id
                userId
                kind
                email
                name
                roles
                isOwner
                isBuyer
                joinedAt
              }
            }
          }
        }
      }
    `,
    query,
  );
  const members = data.organization?.members;
  const rows = members?.edges.map((edge) => edge.node) ?? [];
  const me = data.viewer.userId;
  const shared = data.organization?.ownership === "SHARED";

  const reread = () => {
    refetch({ first: Math.min(100, Math.max(50, rows.length)) }, { fetchPolicy: "store-and-network" });
    setRound((n) => n + 1);
  };
  const feed = useFeed<MembersTableFeedSubscription>({
    subscription: graphql`
      subscription MembersTableFeedSubscription($organizationId: ID!) {
        membersChanged(organizationId: $organizationId) {
          id
          name
          slug
          version
        }
      }
    `,
    variables: { organizationId: organization.id },
    reread,
    onNext: reread,
  });

  const remove = useAction<MembersTableRemoveMutation>(
    graphql`
      mutation MembersTableRemoveMutation($organizationId: ID!, $userId: ID!) {
        uninviteMember(organizationId: $organizationId, userId: $userId) {
          id
          version
        }
      }
    `,
    {
      onDone: () => {
        focusRow(rows.findIndex((one) => one.id === removing?.id));
        toast(t("members.removed", { name: removing?.name }));
        setRemoving(null);
        reread();
      },
    },
  );
  const leave = useAction<MembersTableLeaveMutation>(
    graphql`
      mutation MembersTableLeaveMutation($organizationId: ID!) {
        leaveOrganization(organizationId: $organizationId) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        toast(t("organizations.left", { name: organization.name }));
        onLeft();
      },
    },
  );

  return (
    <div className="stack">
      <div className={css.bar}>
        <LiveDot state={feed} label={t(`live.${feed}`)} />
        <span className={css.count} role="status">
          {t("members.count", { count: members?.totalCount ?? 0 })}
        </span>
        <Find label={t("members.find")} value={search} onFind={(q) => onSearch(q ?? "")} className={css.search} />
      </div>
      {rows.length === 0 ? (
        <Empty
          icon={<IconUsers size={22} />}
          title={t("members.empty.title")}
          actions={
            <Button variant="default" onClick={() => onSearch("")}>
              {t("list.clear")}
            </Button>
          }
        >
          {t("members.empty.text", { search })}
        </Empty>
      ) : (
        <DataTable
          caption={t("nav.members")}
          columns={[
            { key: "who", label: t("members.column.who") },
            { key: "roles", label: t("members.column.roles") },
            { key: "joined", label: t("members.column.joined") },
            { key: "menu", label: t("members.column.menu"), hidden: true, end: true },
          ]}
        >
          {rows.map((member) => {
            const self = member.userId === me;
            const menu = shared && (self || mayRemove || mayAssign);
            return (
              <tr key={member.id}>
                <td data-wide>
                  <span className={css.who}>
                    <strong>
                      {member.name || member.email || t("members.unnamed")}
                      <span className={css.marks}>
                        {self && <span className={css.mark}>{t("members.mark.you")}</span>}
                        {member.isOwner && <span className={css.mark}>{t("members.mark.owner")}</span>}
                        {member.isBuyer && <span className={css.mark}>{t("members.mark.buyer")}</span>}
                        {member.kind === "MACHINE" && <span className={css.mark}>{t("members.mark.machine")}</span>}
                      </span>
                    </strong>
                    {member.email && <span>{member.email}</span>}
                  </span>
                </td>
                <td data-label={t("members.column.roles")}>
                  <span className={css.roles}>
                    {member.roles.map((role) => (
                      <span key={role}>{t(`role.${role}`)}</span>
                    ))}
                  </span>
                </td>
                <td data-label={t("members.column.joined")}>
                  <RelativeTime at={member.joinedAt} />
                </td>
                <td data-end>
                  {menu && (
                    <RowMenu label={t("members.menu", { name: member.name || member.email || "" })}>
                      {mayAssign && <Menu.Item onClick={() => setChanging(member)}>{t("members.changeRoles")}</Menu.Item>}
                      {self ? (
                        <Menu.Item color="red.9" onClick={() => setLeaving(true)}>
                          {t("organizations.leave")}
                        </Menu.Item>
                      ) : (
                        mayRemove && (
                          <Menu.Item color="red.9" onClick={() => setRemoving(member)}>
                            {t("members.remove")}
                          </Menu.Item>
                        )
                      )}
                    </RowMenu>
                  )}
                </td>
              </tr>
            );
          })}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
      {mayInvite && shared && (
        <Suspense>
          <Invitations organizationId={organization.id} round={round} />
        </Suspense>
      )}
      {mayInvite && inviting && (
        <Suspense>
          <InviteDialog
            organizationId={organization.id}
            onClose={() => onInviting(false)}
            onInvited={() => {
              onInviting(false);
              setRound((n) => n + 1);
            }}
          />
        </Suspense>
      )}
      {changing && (
        <Suspense>
          <RolesDialog organizationId={organization.id} member={changing} onClose={() => setChanging(null)} />
        </Suspense>
      )}
      <Confirm
        opened={removing !== null}
        onClose={() => {
          setRemoving(null);
          remove.clear();
        }}
        title={t("members.removeTitle", { name: removing?.name })}
        action={t("members.remove")}
        pending={remove.pending}
        onConfirm={() => removing && remove.run({ organizationId: organization.id, userId: removing.userId })}
        failure={remove.failed && <ErrorCard problem={remove.failed} />}
      >
        {t("members.removeText", { organization: organization.name })}
      </Confirm>
      <Confirm
        opened={leaving}
        onClose={() => {
          setLeaving(false);
          leave.clear();
        }}
        title={t("organizations.leaveTitle", { name: organization.name })}
        action={t("organizations.leave")}
        pending={leave.pending}
        onConfirm={() => leave.run({ organizationId: organization.id })}
        failure={leave.failed && <ErrorCard problem={leave.failed} />}
      >
        {t("organizations.leaveText")}
      </Confirm>
    </div>
  );
}
