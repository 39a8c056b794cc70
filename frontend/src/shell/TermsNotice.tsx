import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import css from "./shell.module.css";

/** One line above the page while the person has not accepted the terms of today. */
export default function TermsNotice() {
  const { t } = useTranslation();
  return (
    <div className={css.banner} role="status">
      {t("banner.terms")} <Link to="/terms">{t("banner.termsLook")}</Link>
    </div>
  );
}
