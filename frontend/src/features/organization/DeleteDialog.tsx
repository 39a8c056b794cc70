import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { DeleteDialogCountQuery } from "#/relay/__generated__/DeleteDialogCountQuery.graphql.ts";
import type { DeleteDialogDeleteMutation } from "#/relay/__generated__/DeleteDialogDeleteMutation.graphql.ts";
import { graphql, useAction, useLazyLoadQuery } from "#/relay/index.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";

type Props = { organization: { id: string; name: string }; onClose: () => void };

/** The end of an organization, in numbers. It takes its typed name and a proof of who asks. */
export default function DeleteDialog({ organization, onClose }: Props) {
  const { t } = useTranslation();
  const [waiting, setWaiting] = useState("");
  const { connections } = useLazyLoadQuery<DeleteDialogCountQuery>(
    graphql`
      query DeleteDialogCountQuery($organizationId: ID!) {
        connections(organizationId: $organizationId, filter: { state: [LIVE] }, first: 1) {
          totalCount
        }
      }
    `,
    { organizationId: organization.id },
    { fetchPolicy: "network-only" },
  );
  const remove = useAction<DeleteDialogDeleteMutation>(
    graphql`
      mutation DeleteDialogDeleteMutation($id: ID!, $confirmName: String!) {
        deleteOrganization(id: $id, confirmName: $confirmName) {
          done
          waiting {
            message
            until
          }
        }
      }
    `,
    {
      onDone: ({ deleteOrganization }) => {
        if (deleteOrganization.waiting) setWaiting(deleteOrganization.waiting.message);
        else location.assign("/account/organizations");
      },
    },
  );
  return (
    <Confirm
      opened
      onClose={onClose}
      title={t("settings.delete.title")}
      name={organization.name}
      action={t("settings.delete.action")}
      pending={remove.pending}
      onConfirm={() => remove.run({ id: organization.id, confirmName: organization.name })}
      failure={remove.failed ? <ErrorCard problem={remove.failed} /> : waiting && <p role="status">{waiting}</p>}
    >
      <p>{t("settings.delete.count", { count: connections.totalCount ?? 0 })}</p>
      <p>{t("settings.delete.restore")}</p>
    </Confirm>
  );
}
