import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ResetPasswordChallengeMutation } from "#/relay/__generated__/ResetPasswordChallengeMutation.graphql.ts";
import type { ResetPasswordMutation } from "#/relay/__generated__/ResetPasswordMutation.graphql.ts";
import type { ResetPasswordResendMutation } from "#/relay/__generated__/ResetPasswordResendMutation.graphql.ts";
import type { Proof } from "#/relay/factors.ts";
import { graphql, RequestFailed, useAction } from "#/relay/index.ts";
import type { Authenticator } from "#/relay/session.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { exact } from "#/ui/RelativeTime.tsx";
import { Ask } from "../factors/Ask.tsx";
import css from "./account.module.css";
import { NewPassword } from "./NewPassword.tsx";
import { PublicPage } from "./PublicPage.tsx";
import { dropToken } from "./token.ts";

type Props = { token: string; expiresAt: string; authenticators: readonly Authenticator[] };

/** Sets the new password, with the second factor of who has one. Everybody who was signed in is not any more; API keys stay. */
export function ResetPassword({ token, expiresAt, authenticators }: Props) {
  const { t, i18n } = useTranslation();
  const [password, setPassword] = useState("");
  const [done, setDone] = useState<"set" | "resent" | null>(null);
  const [proving, setProving] = useState(false);
  const refused = useRef<RequestFailed | null>(null);
  const challenge = useAction<ResetPasswordChallengeMutation>(
    graphql`
      mutation ResetPasswordChallengeMutation($id: ID!, $token: Secret!) {
        challengeMfaAuthenticator(authenticatorId: $id, mfaToken: $token) {
          oobCode
          webauthnRequestOptions
        }
      }
    `,
    {
      onFailed: (why) => {
        refused.current = why;
      },
    },
  );
  const complete = useAction<ResetPasswordMutation>(
    graphql`
      mutation ResetPasswordMutation($token: Secret!, $password: Secret!, $authenticatorId: ID, $mfa: MfaProof) {
        completePasswordReset(token: $token, password: $password, authenticatorId: $authenticatorId, mfa: $mfa) {
          ok
        }
      }
    `,
    {
      onFailed: (why) => {
        refused.current = why;
        if (why.fields.password) setProving(false);
      },
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
    if (authenticators.length > 0) setProving(true);
    else void complete.run({ token, password });
  }
  /** What the server refused, for the form that asked. */
  const told = <T,>(data: T | undefined): T => {
    if (data) return data;
    throw refused.current ?? new RequestFailed([]);
  };
  if (proving) {
    const verify = async (of: Authenticator, proof: Proof) =>
      told(await complete.run({ token, password, authenticatorId: of.id, mfa: proof }));
    return (
      <PublicPage tab={t("proof.title")} title={t("proof.title")} text={t("proof.resetText")}>
        <Ask
          authenticators={authenticators}
          challenge={async (of) => told(await challenge.run({ id: of.id, token })).challengeMfaAuthenticator}
          verify={verify}
        />
      </PublicPage>
    );
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
