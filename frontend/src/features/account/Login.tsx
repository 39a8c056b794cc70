import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useRouter } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { failedOf, type RequestFailed } from "#/relay/index.ts";
import { signIn } from "#/relay/session.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./login.module.css";

/** Name and password. What was typed stays after a mistake, except the password. */
export function Login({ returnTo }: { returnTo?: string }) {
  const { t } = useTranslation();
  const router = useRouter();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [pending, setPending] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const again = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = `${t("login.title")} · Nameplate`;
  }, [t]);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setPending(true);
    setFailed(null);
    try {
      await signIn(username, password);
      router.history.replace(returnTo ?? "/");
    } catch (error) {
      setFailed(failedOf(error));
      setPassword("");
      setPending(false);
      again.current?.focus();
    }
  }

  return (
    <main className={css.page}>
      <div className={css.box}>
        <img src="/icon.svg" alt="" width={40} height={40} />
        <h1>{t("login.heading")}</h1>
        <p>{t("login.text")}</p>
        <form onSubmit={submit}>
          <TextInput
            label={t("login.username")}
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            autoFocus
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
            size="md"
            visibilityToggleButtonProps={{ "aria-label": t("login.show") }}
          />
          {failed && <ErrorCard problem={failed} />}
          <Button type="submit" size="md" fullWidth loading={pending}>
            {t("login.action")}
          </Button>
        </form>
      </div>
    </main>
  );
}
