import { Button, PasswordInput, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { failedOf, type RequestFailed } from "#/relay/index.ts";
import { type Prompt, signIn, stepUp } from "#/relay/session.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";

/** Asks for the proof and answers the prompt; a wrong one can be tried again. */
export default function Proof({ prompt }: { prompt: Prompt }) {
  const { t } = useTranslation();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [pending, setPending] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const session = prompt.kind === "session";
  const words = session ? "session" : "stepUp";

  async function prove(event: FormEvent) {
    event.preventDefault();
    setPending(true);
    setFailed(null);
    try {
      await (session ? signIn(username, password) : stepUp(password));
      prompt.answer(true);
    } catch (error) {
      setFailed(failedOf(error));
      setPassword("");
    } finally {
      setPending(false);
    }
  }

  return (
    <Dialog opened onClose={() => prompt.answer(false)} title={t(`${words}.title`)} size={420} locked>
      <form onSubmit={prove}>
        <Text c="dimmed" mb="md">
          {t(`${words}.text`)}
        </Text>
        {session && (
          <TextInput
            label={t("login.username")}
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
            autoComplete="username"
            required
            withAsterisk={false}
            data-autofocus
            mb="sm"
          />
        )}
        <PasswordInput
          label={t("login.password")}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          autoComplete="current-password"
          required
          withAsterisk={false}
          data-autofocus={session ? undefined : true}
          visibilityToggleButtonProps={{ "aria-label": t("login.show") }}
        />
        {failed && (
          <div style={{ marginTop: 16 }}>
            <ErrorCard problem={failed} />
          </div>
        )}
        <DialogFoot>
          <Button variant="default" onClick={() => prompt.answer(false)}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={pending}>
            {t(`${words}.action`)}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
