import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { OwnInvitations } from "#/features/members/OwnInvitations.tsx";
import { PageHeader } from "#/ui/Page.tsx";

export const Route = createFileRoute("/account/invitations")({
  staticData: { texts: ["members"] },
  component: function Invitations() {
    const { t } = useTranslation();
    return (
      <>
        <PageHeader tab={t("invitations.mine")} title={t("invitations.mine")} text={t("invitations.mineText")} />
        <OwnInvitations />
      </>
    );
  },
});
