import { Alert, Button, Checkbox, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { InviteDialogMutation } from "#/relay/__generated__/InviteDialogMutation.graphql.ts";
import type { InviteDialogSeatsQuery } from "#/relay/__generated__/InviteDialogSeatsQuery.graphql.ts";
import { graphql, read, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./members.module.css";
import { type Role, roles } from "./roles.ts";

type Props = { organizationId: string; onClose: () => void; onInvited: () => void };

/** Asks somebody to join. They become a member when they accept, not before. */
export default function InviteDialog({ organizationId, onClose, onInvited }: Props) {
  const { t } = useTranslation();
  const [form, forget] = useDraftForm<{ email: string; roles: string[] }>(`invite:${organizationId}`, {
    initialValues: { email: "", roles: ["MEMBER"] },
  });
  const invite = useAction<InviteDialogMutation>(
    graphql`
      mutation InviteDialogMutation($input: InviteMemberInput!) {
        inviteMember(input: $input) {
          id
          email
        }
      }
    `,
    {
      form,
      onDone: ({ inviteMember }) => {
        forget();
        toast(t("invitations.sent", { email: inviteMember.email }));
        onInvited();
      },
    },
  );
  const submit = form.onSubmit(({ email, roles: chosen }) =>
    invite.run({ input: { organizationId, email: email.trim(), roles: chosen as Role[] } }),
  );
  return (
    <Dialog opened onClose={onClose} title={t("invitations.invite")} locked>
      <form onSubmit={submit}>
        <TextInput
          {...form.getInputProps("email")}
          type="email"
          label={t("invitations.email")}
          autoComplete="off"
          required
          withAsterisk={false}
          data-autofocus
        />
        <Checkbox.Group {...form.getInputProps("roles")} label={t("members.column.roles")} mt="md">
          <div className={css.choices}>
            {roles.map((role) => (
              <Checkbox key={role} value={role} label={t(`role.${role}`)} description={t(`role.hint.${role}`)} />
            ))}
          </div>
        </Checkbox.Group>
        <Seats organizationId={organizationId} />
        {invite.failed && <ErrorCard problem={invite.failed} fieldsShown />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={invite.pending} disabled={invite.wait > 0 || form.values.roles.length === 0}>
            {invite.wait > 0 ? t("wait", { seconds: invite.wait }) : t("invitations.send")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}

/** How many more can join. Who accepts beyond that is refused, so it is said before the mail goes out. */
function Seats({ organizationId }: { organizationId: string }) {
  const { t } = useTranslation();
  const [seats, setSeats] = useState<{ used: number; limit: number } | null>(null);
  useEffect(() => {
    let gone = false;
    const query = graphql`
      query InviteDialogSeatsQuery($organizationId: ID!) {
        organization(id: $organizationId) {
          seats {
            used
            limit
          }
        }
      }
    `;
    read<InviteDialogSeatsQuery>(query, { organizationId }, true).then(
      ({ organization }) => {
        const { used, limit } = organization?.seats ?? {};
        if (!gone && used !== undefined && typeof limit === "number") setSeats({ used, limit });
      },
      () => {}, // the invitation says it too
    );
    return () => {
      gone = true;
    };
  }, [organizationId]);
  if (!seats) return null;
  if (seats.used < seats.limit) return <p className={css.seats}>{t("invitations.seats", { used: seats.used, count: seats.limit })}</p>;
  return (
    <Alert color="orange" variant="light" mt="md" role="status">
      {t("invitations.full", { count: seats.limit })}
    </Alert>
  );
}
