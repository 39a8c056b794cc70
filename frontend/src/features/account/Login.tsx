import { Button, PasswordInput, TextInput } from "@mantine/core";
import { Link, useRouter } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { secondStep } from "#/relay/factors.ts";
import { failedOf, type RequestFailed } from "#/relay/index.ts";
import { type MfaRequired, signIn } from "#/relay/session.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { PasskeyButton } from "../factors/PasskeyButton.tsx";
import { SecondStep } from "../factors/SecondStep.tsx";
import css from "./account.module.css";
import { PublicPage } from "./PublicPage.tsx";
import { finish, lately } from "./registering.ts";

/** What a refusal is called, where the right password was typed and something else stands in the way. */
const titles: Record<string, "login.unconfirmed" | "login.suspended"> = { unconfirmed: "login.unconfirmed", suspended: "login.suspended" };

/** Name and password or a passkey, then the second step in place. What was typed stays after a mistake, except the password. */
export function Login({ returnTo }: { returnTo?: string }) {
  const { t } = useTranslation();
  const router = useRouter();
  const [username, setUsername] = useState(lately);
  const [password, setPassword] = useState("");
  const [pending, setPending] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const [wait, setWait] = useState(0);
  const [required, setRequired] = useState<MfaRequired | null>(null);
  const again = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // A page that was loaded anew, or that single sign-on came back to.
    secondStep.inProgress().then(
      (found) => found && setRequired(found),
      () => {},
    );
  }, []);
  useEffect(() => {
    if (wait <= 0) return;
    const timer = setTimeout(() => setWait(wait - 1), 1_000);
    return () => clearTimeout(timer);
  }, [wait]);

  function enter(next: MfaRequired | null) {
    if (next) {
      setRequired(next);
      setPassword("");
      setPending(false);
      return;
    }
    finish();
    router.history.replace(returnTo ?? "/");
  }
  async function submit(event: FormEvent) {
    event.preventDefault();
    setPending(true);
    setFailed(null);
    try {
      enter(await signIn(username, password));
    } catch (error) {
      const reason = failedOf(error);
      setFailed(reason);
      setWait(reason.find("RATE_LIMITED")?.retryAfter ?? 0);
      setPassword("");
      setPending(false);
      again.current?.focus();
    }
  }

  if (required) {
    const words = required.enrolmentRequired ? "proof.demanded" : "proof.title";
    return (
      <PublicPage tab={t(words)} title={t(words)} text={t(required.enrolmentRequired ? "proof.demandedText" : "proof.second")}>
        <SecondStep
          key={String(required.enrolmentRequired)}
          required={required}
          onSignedIn={() => enter(null)}
          onNext={setRequired}
          onEnded={(why) => {
            setRequired(null);
            setFailed(why ?? null);
          }}
        />
      </PublicPage>
    );
  }
  const title = titles[failed?.first.reason ?? ""];
  return (
    <PublicPage tab={t("login.title")} title={t("login.heading")} text={t("login.text")}>
      <form onSubmit={submit} className={css.form}>
        <TextInput
          label={t("login.username")}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          autoComplete="username webauthn"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          autoFocus={!username}
          size="md"
        />
        <PasswordInput
          ref={again}
          label={t("login.password")}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          required
          withAsterisk={false}
          autoFocus={username !== ""}
          size="md"
          visibilityToggleButtonProps={{ "aria-label": t("login.show") }}
        />
        {failed && <ErrorCard problem={failed} title={title && t(title)} />}
        <Button type="submit" size="md" fullWidth loading={pending} disabled={wait > 0}>
          {wait > 0 ? t("wait", { seconds: wait }) : t("login.action")}
        </Button>
        <PasskeyButton onEntered={enter} onFailed={setFailed} />
      </form>
      <p className={css.under}>
        <Link to="/signup" className={css.link}>
          {t("login.signUp")}
        </Link>
        <Link to="/auth/password-reset-request" className={css.link}>
          {t("login.forgot")}
        </Link>
      </p>
    </PublicPage>
  );
}
