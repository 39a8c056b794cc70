import { Button, Checkbox, PasswordInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import css from "#/features/account/account.module.css";
import { PublicPage } from "#/features/account/PublicPage.tsx";
import { SecondStep } from "#/features/factors/SecondStep.tsx";
import { failedOf, type RequestFailed } from "#/relay/index.ts";
import { auth, type MfaRequired, signedIn, signIn } from "#/relay/session.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";

type Pending = { result: "terms" | "link"; provider: string; email: string; name: string; organization: string };
type Done = { result: "signed_in" | "mfa_required"; page: string };

const finish = (termsAccepted: boolean, locale: string) =>
  auth<Pending | Done>("sso/finish", { termsAccepted, locale, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone });

/** After a provider's answer: the terms for somebody new, or the password of the account that has the address. */
export function Finish() {
  const { t, i18n } = useTranslation();
  const [pending, setPending] = useState<Pending | null>(null);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const [busy, setBusy] = useState(false);
  const [accepted, setAccepted] = useState(false);
  const [password, setPassword] = useState("");
  const [required, setRequired] = useState<MfaRequired | null>(null);

  async function go(terms: boolean) {
    setBusy(true);
    setFailed(null);
    try {
      const answer = await finish(terms, i18n.language);
      if ("page" in answer) {
        location.assign(answer.page);
        return;
      }
      setPending(answer);
    } catch (error) {
      setFailed(failedOf(error));
    }
    setBusy(false);
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once, when the page opens
  useEffect(() => {
    void signedIn()
      .catch(() => false)
      .then(() => go(false));
  }, []);

  async function link(event: FormEvent) {
    event.preventDefault();
    if (!pending) return;
    setBusy(true);
    setFailed(null);
    try {
      const next = await signIn(pending.email, password);
      if (next) setRequired(next);
      else await go(false);
    } catch (error) {
      setFailed(failedOf(error));
    }
    setPassword("");
    setBusy(false);
  }
  if (required) {
    return (
      <PublicPage tab={t("proof.title")} title={t("proof.title")} text={t("proof.second")}>
        <SecondStep
          required={required}
          onNext={setRequired}
          onSignedIn={() => void go(false)}
          onEnded={(why) => {
            setRequired(null);
            setFailed(why ?? null);
          }}
        />
      </PublicPage>
    );
  }
  if (!pending) {
    return (
      <PublicPage tab={t("sso.title")} title={t(failed ? "sso.nothing" : "sso.title")}>
        {failed && (
          <>
            <ErrorCard problem={failed} title={t("sso.word.expired")} />
            <p className={css.under}>
              <Link to="/login" className={css.link}>
                {t("sso.back")}
              </Link>
            </p>
          </>
        )}
      </PublicPage>
    );
  }
  const { provider, email, organization } = pending;
  if (pending.result === "link") {
    return (
      <PublicPage tab={t("sso.link.title")} title={t("sso.link.title")} text={t("sso.link.text", { email, provider })}>
        <form onSubmit={link} className={css.form}>
          <input type="hidden" name="username" autoComplete="username" value={email} readOnly />
          <PasswordInput
            label={t("login.password")}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="current-password"
            required
            withAsterisk={false}
            autoFocus
            size="md"
            visibilityToggleButtonProps={{ "aria-label": t("login.show") }}
          />
          {organization && <p className="dim">{t("sso.joins", { organization })}</p>}
          {failed && <ErrorCard problem={failed} />}
          <Button type="submit" size="md" fullWidth loading={busy}>
            {t("sso.link.action")}
          </Button>
        </form>
        <p className={css.under}>
          <Link to="/login" className={css.link}>
            {t("sso.back")}
          </Link>
          <Link to="/auth/password-reset-request" className={css.link}>
            {t("login.forgot")}
          </Link>
        </p>
      </PublicPage>
    );
  }
  return (
    <PublicPage tab={t("sso.terms.title")} title={t("sso.terms.title")} text={t("sso.terms.text", { email, provider })}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          void go(true);
        }}
      >
        {organization && <p className="dim">{t("sso.joins", { organization })}</p>}
        <Checkbox
          label={t("signup.terms")}
          checked={accepted}
          onChange={(event) => setAccepted(event.currentTarget.checked)}
          required
          autoFocus
        />
        {failed && <ErrorCard problem={failed} />}
        <Button type="submit" size="md" fullWidth loading={busy} disabled={!accepted}>
          {t("sso.terms.action")}
        </Button>
      </form>
      <p className={css.under}>
        <Link to="/login" className={css.link}>
          {t("sso.back")}
        </Link>
      </p>
    </PublicPage>
  );
}
