import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { PublicPage } from "./PublicPage.tsx";

/** The account is there. Nobody is signed in by a mail: who knows the password signs in. */
export function Confirmed() {
  const { t } = useTranslation();
  return (
    <PublicPage tab={t("confirmed.title")} title={t("confirmed.title")} text={t("confirmed.text")}>
      <Button component={Link} to="/login" size="md" fullWidth>
        {t("login.action")}
      </Button>
    </PublicPage>
  );
}
