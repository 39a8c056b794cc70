import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { RolesDialogAssignMutation } from "#/relay/__generated__/RolesDialogAssignMutation.graphql.ts";
import type { RolesDialogUnassignMutation } from "#/relay/__generated__/RolesDialogUnassignMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./members.module.css";
import { type Role, roles } from "./roles.ts";

type Member = { userId: string; kind: string; name: string; roles: readonly string[]; isBuyer: boolean };
type Props = { organizationId: string; member: Member; onClose: () => void };

/** What a member may do. What is added comes first, so that somebody who swaps roles is never without one. */
export default function RolesDialog({ organizationId, member, onClose }: Props) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<readonly string[]>(member.roles);
  const assign = useAction<RolesDialogAssignMutation>(graphql`
    mutation RolesDialogAssignMutation($organizationId: ID!, $userId: ID!, $roles: [OrgRole!]!) {
      assignMemberRoles(organizationId: $organizationId, userId: $userId, roles: $roles) {
        id
        roles
        isOwner
      }
    }
  `);
  const unassign = useAction<RolesDialogUnassignMutation>(graphql`
    mutation RolesDialogUnassignMutation($organizationId: ID!, $userId: ID!, $roles: [OrgRole!]!) {
      unassignMemberRoles(organizationId: $organizationId, userId: $userId, roles: $roles) {
        id
        roles
        isOwner
      }
    }
  `);
  const added = roles.filter((role) => chosen.includes(role) && !member.roles.includes(role));
  const taken = roles.filter((role) => !chosen.includes(role) && member.roles.includes(role));
  const failed = assign.failed ?? unassign.failed;

  async function save() {
    const ref = { organizationId, userId: member.userId };
    if (added.length > 0 && !(await assign.run({ ...ref, roles: added }))) return;
    if (taken.length > 0 && !(await unassign.run({ ...ref, roles: taken }))) return;
    toast(t("members.rolesSaved", { name: member.name }));
    onClose();
  }

  const fixed = (role: Role) => member.kind === "MACHINE" && role !== "MEMBER";
  return (
    <Dialog opened onClose={onClose} title={t("members.rolesTitle", { name: member.name })}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Checkbox.Group value={[...chosen]} onChange={setChosen} label={t("members.column.roles")} description={t("members.rolesHint")}>
          <div className={css.choices}>
            {roles.map((role) => (
              <Checkbox
                key={role}
                value={role}
                disabled={fixed(role)}
                label={t(`role.${role}`)}
                description={fixed(role) ? t("members.machineRole") : t(`role.hint.${role}`)}
                data-autofocus={role === "MEMBER" || undefined}
              />
            ))}
          </div>
        </Checkbox.Group>
        {chosen.length === 0 && (
          <p className={css.note} role="status">
            {t("members.oneRole")}
          </p>
        )}
        {failed && <ErrorCard problem={failed} />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button
            type="submit"
            loading={assign.pending || unassign.pending}
            disabled={chosen.length === 0 || added.length + taken.length === 0}
          >
            {t("save")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
