import { Button } from "@mantine/core";
import { createFileRoute, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { PublicPage } from "#/features/account/PublicPage.tsx";

/** After the end of an account. */
export const Route = createFileRoute("/auth/erased")({
  staticData: { texts: ["profile"] },
  component: function Erased() {
    const { t } = useTranslation();
    return (
      <PublicPage tab={t("profile.erase.done")} title={t("profile.erase.done")} text={t("profile.erase.doneText")}>
        <Button component={Link} to="/signup" variant="default" size="md" fullWidth>
          {t("login.signUp")}
        </Button>
      </PublicPage>
    );
  },
});
