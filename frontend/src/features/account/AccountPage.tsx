import { IconArrowLeft } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { rememberPerson } from "#/relay/session.ts";
import { Banner } from "#/shell/Banner.tsx";
import css from "./account.module.css";

type Props = { userId: string | null | undefined; name: string; children: ReactNode };

/** The frame of a person's own pages: the way back to the console, and whose pages these are. */
export function AccountPage({ userId, name, children }: Props) {
  const { t } = useTranslation();
  useEffect(() => rememberPerson(userId), [userId]);
  return (
    <div className={css.account}>
      <header>
        <Link to="/" className={css.back}>
          <IconArrowLeft size={17} /> {t("security.back")}
        </Link>
        <span className={css.who}>{name}</span>
      </header>
      <Banner />
      <main>{children}</main>
    </div>
  );
}
