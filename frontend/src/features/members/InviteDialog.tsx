import { Button, Checkbox, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { InviteDialogMutation } from "#/relay/__generated__/InviteDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
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
