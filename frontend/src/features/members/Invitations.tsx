import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { InvitationsQuery } from "#/relay/__generated__/InvitationsQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { DataTable } from "#/ui/DataTable.tsx";
import { Card } from "#/ui/Page.tsx";
import { InvitationRow } from "./InvitationRow.tsx";

/** Who was asked and has not come yet. `round` reads again. */
export default function Invitations({ organizationId, round }: { organizationId: string; round: number }) {
  const { t } = useTranslation();
  const [own, setOwn] = useState(0);
  const { organization } = useLazyLoadQuery<InvitationsQuery>(
    graphql`
      query InvitationsQuery($organizationId: ID!) {
        organization(id: $organizationId) {
          id
          invitations(first: 100) {
            nodes {
              id
              status
              ...InvitationRow_invitation
            }
          }
        }
      }
    `,
    { organizationId },
    { fetchKey: `${round}:${own}`, fetchPolicy: "store-and-network" },
  );
  const open = organization?.invitations.nodes.filter((one) => ["PENDING", "EXPIRED", "AWAITING_CONFIRMATION"].includes(one.status)) ?? [];
  if (open.length === 0) return null;
  return (
    <Card flush title={t("invitations.open")} text={t("invitations.openText")}>
      <DataTable
        caption={t("invitations.open")}
        columns={[
          { key: "email", label: t("invitations.email") },
          { key: "roles", label: t("members.column.roles") },
          { key: "status", label: t("invitations.column.status") },
          { key: "menu", label: t("members.column.menu"), hidden: true, end: true },
        ]}
      >
        {open.map((one) => (
          <InvitationRow key={one.id} invitation={one} onChanged={() => setOwn((n) => n + 1)} />
        ))}
      </DataTable>
    </Card>
  );
}
