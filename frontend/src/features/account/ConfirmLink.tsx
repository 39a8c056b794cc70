import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ConfirmLinkMutation } from "#/relay/__generated__/ConfirmLinkMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./account.module.css";
import { Confirmed } from "./Confirmed.tsx";
import { NewPassword } from "./NewPassword.tsx";
import { PublicPage } from "./PublicPage.tsx";
import { bindingHere, tellConfirmed } from "./registering.ts";
import { dropToken } from "./token.ts";

/** The mail's link. Opening it does nothing, because mail scanners open links: a press confirms. Elsewhere it asks for a password of this person's own. */
export function ConfirmLink({ token }: { token: string | null }) {
  const { t } = useTranslation();
  const [chooses, setChooses] = useState(false);
  const [password, setPassword] = useState("");
  const [done, setDone] = useState(false);
  const confirm = useAction<ConfirmLinkMutation>(
    graphql`
      mutation ConfirmLinkMutation($token: Secret, $binding: Secret, $newPassword: Secret) {
        confirmRegistration(token: $token, binding: $binding, newPassword: $newPassword) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        dropToken("confirm");
        tellConfirmed();
        setDone(true);
      },
      onFailed: (failed) => {
        if (failed.faults.some((fault) => fault.reason === "new_password")) setChooses(true);
      },
    },
  );
  if (done) return <Confirmed />;
  if (!token || confirm.failed?.has("NOT_FOUND")) {
    return (
      <PublicPage tab={t("confirm.dead")} title={t("confirm.dead")} text={t("confirm.deadText")}>
        <Button component={Link} to="/signup" size="md" fullWidth>
          {t("confirm.restart")}
        </Button>
        <p className={css.under}>
          <span>{t("signup.known")}</span>
          <Link to="/login" className={css.link}>
            {t("login.action")}
          </Link>
        </p>
      </PublicPage>
    );
  }

  async function submit(event: FormEvent) {
    event.preventDefault();
    void confirm.run({ token, binding: await bindingHere(), newPassword: chooses ? password : null });
  }
  const asked = confirm.failed?.faults.some((fault) => fault.reason === "new_password");
  const mistake = confirm.failed?.fields.newPassword;
  return (
    <PublicPage
      tab={t("confirm.title")}
      title={chooses ? t("confirm.choose") : t("confirm.title")}
      text={chooses ? t("confirm.chooseText") : t("confirm.text")}
    >
      <form onSubmit={submit} className={css.form}>
        {chooses && (
          <NewPassword
            label={t("password.new")}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={mistake}
            autoFocus
            size="md"
          />
        )}
        {confirm.failed && !asked && <ErrorCard problem={confirm.failed} fieldsShown />}
        <Button type="submit" size="md" fullWidth loading={confirm.pending} disabled={confirm.wait > 0}>
          {confirm.wait > 0 ? t("wait", { seconds: confirm.wait }) : t("confirm.action")}
        </Button>
      </form>
    </PublicPage>
  );
}
