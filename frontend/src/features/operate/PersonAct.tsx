import { useTranslation } from "react-i18next";
import type { PersonActAccessMutation } from "#/relay/__generated__/PersonActAccessMutation.graphql.ts";
import type { PersonActAssignMutation } from "#/relay/__generated__/PersonActAssignMutation.graphql.ts";
import type { PersonActFactorsMutation } from "#/relay/__generated__/PersonActFactorsMutation.graphql.ts";
import type { PersonActPasswordMutation } from "#/relay/__generated__/PersonActPasswordMutation.graphql.ts";
import type { PersonActSessionsMutation } from "#/relay/__generated__/PersonActSessionsMutation.graphql.ts";
import type { PersonActUnassignMutation } from "#/relay/__generated__/PersonActUnassignMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { toast } from "#/ui/toast.ts";
import type { Waits } from "./PersonView.tsx";
import { ReasonDialog } from "./ReasonDialog.tsx";

export type Act = "assign" | "unassign" | "suspend" | "enable" | "factors" | "sessions" | "password";

type Props = { act: Act; id: string; name: string; onClose: () => void; onWaiting: (waiting: Waits) => void };

/** What an operator may do to a person: each says what will happen, and takes a reason. What has to wait says for what. */
export default function PersonAct({ act, id, name, onClose, onWaiting }: Props) {
  const { t } = useTranslation();
  const done = (waiting?: Waits | null) => {
    if (waiting) return onWaiting(waiting);
    toast(t(`operate.act.${act}.done`, { name }));
    onClose();
  };
  const assign = useAction<PersonActAssignMutation>(
    graphql`
      mutation PersonActAssignMutation($userId: ID!, $reason: String) {
        opsAssignPlatformRoles(userId: $userId, roles: [OPERATIONS], reason: $reason) {
          user {
            ...PersonView_user
          }
          waiting {
            kind
            requestId
            until
          }
        }
      }
    `,
    { onDone: (data) => done(data.opsAssignPlatformRoles.waiting) },
  );
  const unassign = useAction<PersonActUnassignMutation>(
    graphql`
      mutation PersonActUnassignMutation($userId: ID!, $reason: String) {
        opsUnassignPlatformRoles(userId: $userId, roles: [OPERATIONS], reason: $reason) {
          user {
            ...PersonView_user
          }
          waiting {
            kind
            requestId
            until
          }
        }
      }
    `,
    { onDone: (data) => done(data.opsUnassignPlatformRoles.waiting) },
  );
  const access = useAction<PersonActAccessMutation>(
    graphql`
      mutation PersonActAccessMutation($userId: ID!, $access: UserAccess!, $reason: String!) {
        opsSetUserAccess(userId: $userId, access: $access, reason: $reason) {
          user {
            ...PersonView_user
          }
          waiting {
            kind
            requestId
            until
          }
        }
      }
    `,
    { onDone: (data) => done(data.opsSetUserAccess.waiting) },
  );
  const factors = useAction<PersonActFactorsMutation>(
    graphql`
      mutation PersonActFactorsMutation($userId: ID!, $reason: String!) {
        opsResetMfa(userId: $userId, reason: $reason) {
          user {
            ...PersonView_user
          }
          waiting {
            kind
            requestId
            until
          }
        }
      }
    `,
    { onDone: (data) => done(data.opsResetMfa.waiting) },
  );
  const sessions = useAction<PersonActSessionsMutation>(
    graphql`
      mutation PersonActSessionsMutation($userId: ID!, $reason: String!) {
        opsRevokeSessions(userId: $userId, reason: $reason) {
          ok
        }
      }
    `,
    { onDone: () => done() },
  );
  const password = useAction<PersonActPasswordMutation>(
    graphql`
      mutation PersonActPasswordMutation($userId: ID!, $reason: String!) {
        opsStartPasswordReset(userId: $userId, reason: $reason) {
          accepted
        }
      }
    `,
    { onDone: () => done() },
  );
  const run: Record<Act, (reason: string) => void> = {
    assign: (reason) => assign.run({ userId: id, reason }),
    unassign: (reason) => unassign.run({ userId: id, reason }),
    suspend: (reason) => access.run({ userId: id, access: "SUSPENDED", reason }),
    enable: (reason) => access.run({ userId: id, access: "ENABLED", reason }),
    factors: (reason) => factors.run({ userId: id, reason }),
    sessions: (reason) => sessions.run({ userId: id, reason }),
    password: (reason) => password.run({ userId: id, reason }),
  };
  const all = [assign, unassign, access, factors, sessions, password];
  return (
    <ReasonDialog
      title={t(`operate.act.${act}.title`, { name })}
      action={t(`operate.act.${act}.open`)}
      danger={act !== "assign" && act !== "enable" && act !== "password"}
      pending={all.some((one) => one.pending)}
      failed={all.find((one) => one.failed)?.failed ?? null}
      onClose={onClose}
      onConfirm={run[act]}
    >
      {t(`operate.act.${act}.text`)}
    </ReasonDialog>
  );
}
