import { Button, TextInput } from "@mantine/core";
import { IconMail } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { InvitePageAcceptMutation } from "#/relay/__generated__/InvitePageAcceptMutation.graphql.ts";
import acceptMutation from "#/relay/__generated__/InvitePageAcceptMutation.graphql.ts";
import type { InvitePageDeclineMutation } from "#/relay/__generated__/InvitePageDeclineMutation.graphql.ts";
import declineMutation from "#/relay/__generated__/InvitePageDeclineMutation.graphql.ts";
import type { OwnInvitationsGuestMutation } from "#/relay/__generated__/OwnInvitationsGuestMutation.graphql.ts";
import type { OwnInvitationsQuery } from "#/relay/__generated__/OwnInvitationsQuery.graphql.ts";
import { graphql, type RequestFailed, useAction, useLazyLoadQuery } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import { DataTable } from "#/ui/DataTable.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { Empty } from "#/ui/Empty.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast, toastFailure } from "#/ui/toast.ts";
import organization from "../organization/organization.module.css";
import { InvitationRow } from "./InvitationRow.tsx";
import css from "./members.module.css";

/** What came to the person, and the guests whom they asked. */
export function OwnInvitations() {
  const { t } = useTranslation();
  const [round, setRound] = useState(0);
  const again = () => setRound((n) => n + 1);
  return (
    <div className="stack">
      <Part what={t("invitations.received")}>
        <Received round={round} onChanged={again} />
      </Part>
      <Guest onInvited={again} />
      <Part what={t("invitations.guests")}>
        <Guests round={round} onChanged={again} />
      </Part>
    </div>
  );
}

const query = graphql`
  query OwnInvitationsQuery($direction: InvitationDirection!) {
    invitations(direction: $direction, first: 100) {
      nodes {
        id
        status
        organizationName
        invitedBy
        expiresAt
        ...InvitationRow_invitation
      }
    }
  }
`;

function Received({ round, onChanged }: { round: number; onChanged: () => void }) {
  const { t } = useTranslation();
  const { invitations } = useLazyLoadQuery<OwnInvitationsQuery>(
    query,
    { direction: "RECEIVED" },
    { fetchKey: round, fetchPolicy: "store-and-network" },
  );
  const onFailed = (failed: RequestFailed) => toastFailure(failed.message);
  const accept = useAction<InvitePageAcceptMutation>(acceptMutation, {
    onFailed,
    onDone: ({ acceptInvitation: { status, organizationSlug } }) => {
      if (status === "ACCEPTED" && organizationSlug) location.assign(`/${organizationSlug}`);
      else onChanged();
    },
  });
  const decline = useAction<InvitePageDeclineMutation>(declineMutation, { onFailed, onDone: onChanged });
  const open = invitations.nodes.filter((one) => one.status === "PENDING");
  if (open.length === 0)
    return (
      <Empty icon={<IconMail size={22} />} title={t("invitations.empty.title")}>
        {t("invitations.empty.text")}
      </Empty>
    );
  return (
    <Card title={t("invitations.received")}>
      {open.map((one) => (
        <div key={one.id} className={css.bar}>
          <span className={css.who}>
            <strong>
              {one.organizationName
                ? t("invitations.to", { inviter: one.invitedBy, organization: one.organizationName })
                : t("invitations.toUs", { inviter: one.invitedBy })}
            </strong>
            <span>
              {t("invitations.until")} <RelativeTime at={one.expiresAt} />
            </span>
          </span>
          <span className={organization.actions}>
            <Button size="compact-sm" loading={accept.pending} onClick={() => accept.run({ id: one.id })}>
              {t("invitations.accept")}
            </Button>
            <Button size="compact-sm" variant="default" loading={decline.pending} onClick={() => decline.run({ id: one.id })}>
              {t("invitations.decline")}
            </Button>
          </span>
        </div>
      ))}
    </Card>
  );
}

function Guest({ onInvited }: { onInvited: () => void }) {
  const { t } = useTranslation();
  const [form, forget] = useDraftForm("guest", { initialValues: { email: "" } });
  const invite = useAction<OwnInvitationsGuestMutation>(
    graphql`
      mutation OwnInvitationsGuestMutation($email: Email!) {
        inviteGuest(email: $email) {
          id
          email
        }
      }
    `,
    {
      form,
      onDone: ({ inviteGuest }) => {
        forget();
        form.setValues({ email: "" });
        toast(t("invitations.sent", { email: inviteGuest.email }));
        onInvited();
      },
    },
  );
  return (
    <Card title={t("invitations.guest")} text={t("invitations.guestText")}>
      <form onSubmit={form.onSubmit(({ email }) => invite.run({ email: email.trim() }))} className={organization.fields}>
        <TextInput
          {...form.getInputProps("email")}
          type="email"
          label={t("invitations.email")}
          autoComplete="off"
          maw={360}
          required
          withAsterisk={false}
        />
        {invite.failed && <ErrorCard problem={invite.failed} fieldsShown />}
        <div>
          <Button type="submit" loading={invite.pending} disabled={invite.wait > 0}>
            {invite.wait > 0 ? t("wait", { seconds: invite.wait }) : t("invitations.send")}
          </Button>
        </div>
      </form>
    </Card>
  );
}

function Guests({ round, onChanged }: { round: number; onChanged: () => void }) {
  const { t } = useTranslation();
  const { invitations } = useLazyLoadQuery<OwnInvitationsQuery>(
    query,
    { direction: "SENT" },
    { fetchKey: round, fetchPolicy: "store-and-network" },
  );
  const open = invitations.nodes.filter((one) => one.status === "PENDING" || one.status === "EXPIRED");
  if (open.length === 0) return null;
  return (
    <Card flush title={t("invitations.guests")}>
      <DataTable
        caption={t("invitations.guests")}
        columns={[
          { key: "email", label: t("invitations.email") },
          { key: "roles", label: t("members.column.roles") },
          { key: "status", label: t("invitations.column.status") },
          { key: "menu", label: t("members.column.menu"), hidden: true, end: true },
        ]}
      >
        {open.map((one) => (
          <InvitationRow key={one.id} invitation={one} onChanged={onChanged} />
        ))}
      </DataTable>
    </Card>
  );
}
