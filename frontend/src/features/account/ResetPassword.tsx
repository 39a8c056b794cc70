import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ResetPasswordMutation } from "#/relay/__generated__/ResetPasswordMutation.graphql.ts";
import type { ResetPasswordResendMutation } from "#/relay/__generated__/ResetPasswordResendMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { exact } from "#/ui/RelativeTime.tsx";
import css from "./account.module.css";
import { NewPassword } from "./NewPassword.tsx";
import { PublicPage } from "./PublicPage.tsx";
import { dropToken } from "./token.ts";

type Props = { token: string; expiresAt: string };

/** Sets the new password. Everybody who was signed in is not any more; API keys stay. */
export function ResetPassword({ token, expiresAt }: Props) {
  const { t, i18n } = useTranslation();
  const [password, setPassword] = useState("");
  const [done, setDone] = useState<"set" | "resent" | null>(null);
  const complete = useAction<ResetPasswordMutation>(
    graphql`
      mutation ResetPasswordMutation($token: Secret!, $password: Secret!) {
        completePasswordReset(token: $token, password: $password) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        dropToken("reset");
        setDone("set");
      },
    },
  );
  const resend = useAction<ResetPasswordResendMutation>(
    graphql`
      mutation ResetPasswordResendMutation($token: Secret!) {
        resendPasswordReset(token: $token) {
          accepted
        }
      }
    `,
    {
      onDone: () => {
        dropToken("reset");
        setDone("resent");
      },
    },
  );
  if (done === "set") {
    return (
      <PublicPage tab={t("reset.done")} title={t("reset.done")} text={t("reset.doneText")}>
        <Button component={Link} to="/login" size="md" fullWidth>
          {t("login.action")}
        </Button>
      </PublicPage>
    );
  }
  if (done === "resent") return <PublicPage tab={t("mailbox.title")} title={t("mailbox.title")} text={t("reset.resent")} />;
  if (complete.failed?.has("NOT_FOUND")) return <DeadReset />;

  function submit(event: FormEvent) {
    event.preventDefault();
    void complete.run({ token, password });
  }
  const until = exact(expiresAt, i18n.language);
  return (
    <PublicPage tab={t("reset.choose")} title={t("reset.choose")} text={t("reset.chooseText")}>
      <form onSubmit={submit} className={css.form}>
        <NewPassword
          label={t("password.new")}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={complete.failed?.fields.password}
          autoFocus
          size="md"
        />
        {complete.failed && <ErrorCard problem={complete.failed} fieldsShown />}
        <Button type="submit" size="md" fullWidth loading={complete.pending} disabled={complete.wait > 0}>
          {complete.wait > 0 ? t("wait", { seconds: complete.wait }) : t("reset.set")}
        </Button>
      </form>
      <div className={css.or}>
        <h2>{t("reset.later")}</h2>
        <p>{t("reset.laterText", { until })}</p>
        {resend.failed && <ErrorCard problem={resend.failed} />}
        <div className={css.feet}>
          <Button variant="default" onClick={() => void resend.run({ token })} loading={resend.pending}>
            {t("reset.resend")}
          </Button>
        </div>
      </div>
    </PublicPage>
  );
}

/** Unknown, used and expired links look alike. */
export function DeadReset() {
  const { t } = useTranslation();
  return (
    <PublicPage tab={t("confirm.dead")} title={t("confirm.dead")} text={t("reset.deadText")}>
      <Button component={Link} to="/auth/password-reset-request" size="md" fullWidth>
        {t("reset.restart")}
      </Button>
    </PublicPage>
  );
}
