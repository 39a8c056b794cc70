import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useEffectEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { MailboxConfirmMutation } from "#/relay/__generated__/MailboxConfirmMutation.graphql.ts";
import { graphql, type RequestFailed, useAction } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./account.module.css";
import { Confirmed } from "./Confirmed.tsx";
import { PublicPage } from "./PublicPage.tsx";
import { answerOthers, finish, type Registering } from "./registering.ts";

/** Mails to one address on one day; beyond them the server answers the same and sends nothing, so this page offers no more. */
const MAILS = 3;

type Props = {
  waiting: Registering;
  /** Registers once more; absent after a reload, when the password is no longer known. */
  again?: () => void;
  sending: boolean;
  failed: RequestFailed | null;
  wait: number;
  onOther: () => void;
  onConfirmed: () => void;
};

/** "Look into your mailbox": the link works anywhere, the code here. */
export function Mailbox({ waiting, again, sending, failed, wait, onOther, onConfirmed }: Props) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const [done, setDone] = useState(false);
  const confirm = useAction<MailboxConfirmMutation>(
    graphql`
      mutation MailboxConfirmMutation($email: Email, $code: Secret, $binding: Secret) {
        confirmRegistration(email: $email, code: $code, binding: $binding) {
          ok
        }
      }
    `,
    {
      onDone: () => over(),
    },
  );
  function over() {
    finish();
    onConfirmed();
    setDone(true);
  }
  const heard = useEffectEvent(over);
  useEffect(() => answerOthers(() => heard()), []);
  if (done) return <Confirmed />;

  function submit(event: FormEvent) {
    event.preventDefault();
    void confirm.run({ email: waiting.email, code: code.replace(/\s/g, ""), binding: waiting.binding });
  }
  const wrong = confirm.failed?.has("NOT_FOUND");
  return (
    <PublicPage tab={t("mailbox.title")} title={t("mailbox.title")} text={t("mailbox.text", { email: waiting.email })}>
      <form onSubmit={submit} className={css.form}>
        <TextInput
          className={css.code}
          label={t("mailbox.code")}
          description={t("mailbox.codeHint")}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          error={wrong ? t("mailbox.wrong") : undefined}
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={9}
          required
          withAsterisk={false}
          autoFocus
          size="md"
        />
        {confirm.failed && !wrong && <ErrorCard problem={confirm.failed} />}
        <Button type="submit" size="md" fullWidth loading={confirm.pending} disabled={confirm.wait > 0}>
          {confirm.wait > 0 ? t("wait", { seconds: confirm.wait }) : t("confirm.action")}
        </Button>
      </form>
      <div className={css.or}>
        <h2>{t("mailbox.nothing")}</h2>
        <p aria-live="polite">{waiting.mails >= MAILS ? t("mailbox.enough") : t("mailbox.nothingText", { count: waiting.mails })}</p>
        {failed && <ErrorCard problem={failed} />}
        <div className={css.feet}>
          <Button variant="subtle" onClick={onOther}>
            {t("mailbox.other")}
          </Button>
          {again && waiting.mails < MAILS && (
            <Button variant="default" onClick={again} loading={sending} disabled={wait > 0}>
              {wait > 0 ? t("wait", { seconds: wait }) : t("mailbox.again")}
            </Button>
          )}
        </div>
      </div>
    </PublicPage>
  );
}
