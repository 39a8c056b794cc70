import { Button, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ResetRequestMutation } from "#/relay/__generated__/ResetRequestMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./account.module.css";
import { PublicPage } from "./PublicPage.tsx";

/** Asks for the mail with the link. The page says the same for every address. */
export function ResetRequest() {
  const { t } = useTranslation();
  const [email, setEmail] = useState("");
  const [sent, setSent] = useState(0);
  const start = useAction<ResetRequestMutation>(
    graphql`
      mutation ResetRequestMutation($email: Email!) {
        initiatePasswordReset(email: $email) {
          accepted
        }
      }
    `,
    { onDone: () => setSent((n) => n + 1) },
  );
  const run = () => void start.run({ email: email.trim() });
  const back = (
    <p className={css.under}>
      <Link to="/login" className={css.link}>
        {t("reset.back")}
      </Link>
    </p>
  );
  if (sent > 0) {
    return (
      <PublicPage tab={t("mailbox.title")} title={t("mailbox.title")} text={t("reset.sent", { email: email.trim() })}>
        {start.failed && <ErrorCard problem={start.failed} />}
        <div className={css.or}>
          <h2>{t("mailbox.nothing")}</h2>
          <p aria-live="polite">{sent > 1 ? t("reset.sentAgain") : t("reset.nothingText")}</p>
          <div className={css.feet}>
            <Button variant="subtle" onClick={() => setSent(0)}>
              {t("mailbox.other")}
            </Button>
            <Button variant="default" onClick={run} loading={start.pending} disabled={start.wait > 0}>
              {start.wait > 0 ? t("wait", { seconds: start.wait }) : t("mailbox.again")}
            </Button>
          </div>
        </div>
        {back}
      </PublicPage>
    );
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    run();
  }
  return (
    <PublicPage tab={t("reset.title")} title={t("reset.heading")} text={t("reset.text")}>
      <form onSubmit={submit} className={css.form} noValidate>
        <TextInput
          label={t("signup.email")}
          type="email"
          value={email}
          onChange={(event) => {
            setEmail(event.currentTarget.value);
            if (start.failed) start.clear();
          }}
          error={start.failed?.fields.email}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          size="md"
        />
        {start.failed && <ErrorCard problem={start.failed} fieldsShown />}
        <Button type="submit" size="md" fullWidth loading={start.pending} disabled={start.wait > 0}>
          {start.wait > 0 ? t("wait", { seconds: start.wait }) : t("reset.action")}
        </Button>
      </form>
      {back}
    </PublicPage>
  );
}
