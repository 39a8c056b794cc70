import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { InvitationRow_invitation$key } from "#/relay/__generated__/InvitationRow_invitation.graphql.ts";
import type { InvitationRowConfirmMutation } from "#/relay/__generated__/InvitationRowConfirmMutation.graphql.ts";
import type { InvitationRowResendMutation } from "#/relay/__generated__/InvitationRowResendMutation.graphql.ts";
import type { InvitationRowRevokeMutation } from "#/relay/__generated__/InvitationRowRevokeMutation.graphql.ts";
import { graphql, type RequestFailed, useAction, useFragment } from "#/relay/index.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast, toastFailure } from "#/ui/toast.ts";
import organization from "../organization/organization.module.css";
import css from "./members.module.css";

/** An invitation as who sent it sees it: send it again, take it back, or agree. */
export function InvitationRow({ invitation, onChanged }: { invitation: InvitationRow_invitation$key; onChanged: () => void }) {
  const { t } = useTranslation();
  const one = useFragment(
    graphql`
      fragment InvitationRow_invitation on Invitation {
        id
        email
        roles
        status
        acceptedEmail
        sentCount
        expiresAt
        invitedBy
      }
    `,
    invitation,
  );
  const onFailed = (failed: RequestFailed) => toastFailure(failed.message);
  const resend = useAction<InvitationRowResendMutation>(
    graphql`
      mutation InvitationRowResendMutation($id: ID!) {
        resendInvitation(id: $id) {
          ...InvitationRow_invitation
        }
      }
    `,
    { onFailed, onDone: () => toast(t("invitations.sent", { email: one.email })) },
  );
  const revoke = useAction<InvitationRowRevokeMutation>(
    graphql`
      mutation InvitationRowRevokeMutation($id: ID!) {
        revokeInvitation(id: $id) {
          ...InvitationRow_invitation
        }
      }
    `,
    {
      onFailed,
      onDone: () => {
        toast(t("invitations.revoked", { email: one.email }));
        onChanged();
      },
    },
  );
  const confirm = useAction<InvitationRowConfirmMutation>(
    graphql`
      mutation InvitationRowConfirmMutation($id: ID!, $accept: Boolean!) {
        confirmInvitation(id: $id, accept: $accept) {
          ...InvitationRow_invitation
        }
      }
    `,
    { onFailed, onDone: onChanged },
  );
  const waits = one.status === "AWAITING_CONFIRMATION";
  return (
    <tr>
      <td data-wide>
        <span className={css.who}>
          <strong>{one.email}</strong>
          {waits && <span>{t("invitations.acceptedAs", { email: one.acceptedEmail })}</span>}
        </span>
      </td>
      <td data-label={t("members.column.roles")}>
        <span className={css.roles}>
          {one.roles.map((role) => (
            <span key={role}>{t(`role.${role}`)}</span>
          ))}
        </span>
      </td>
      <td data-label={t("invitations.column.status")}>
        {t(`invitations.status.${one.status}`)}
        {one.status === "PENDING" && (
          <span className="dim">
            {" · "}
            {t("invitations.until")} <RelativeTime at={one.expiresAt} />
          </span>
        )}
      </td>
      <td data-end>
        <span className={organization.actions}>
          {waits ? (
            <>
              <Button size="compact-sm" loading={confirm.pending} onClick={() => confirm.run({ id: one.id, accept: true })}>
                {t("invitations.agree")}
              </Button>
              <Button size="compact-sm" variant="default" onClick={() => confirm.run({ id: one.id, accept: false })}>
                {t("invitations.refuse")}
              </Button>
            </>
          ) : (
            <>
              <Button
                size="compact-sm"
                variant="default"
                loading={resend.pending}
                disabled={one.sentCount > 5}
                onClick={() => resend.run({ id: one.id })}
              >
                {t("invitations.resend")}
              </Button>
              <Button
                size="compact-sm"
                variant="default"
                c="var(--np-bad)"
                loading={revoke.pending}
                onClick={() => revoke.run({ id: one.id })}
              >
                {t("invitations.revoke")}
              </Button>
            </>
          )}
        </span>
      </td>
    </tr>
  );
}
