import { Button, Checkbox, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { SignUpMutation } from "#/relay/__generated__/SignUpMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./account.module.css";
import { Mailbox } from "./Mailbox.tsx";
import { NewPassword } from "./NewPassword.tsx";
import { PublicPage } from "./PublicPage.tsx";
import { forget, type Registering, registering, remember } from "./registering.ts";

/** Who registers, then the mail that confirms it. The answer is the same whether the address is known or not. */
export function SignUp({ invitation }: { invitation?: string }) {
  const { t, i18n } = useTranslation();
  const [waiting, setWaiting] = useState<Registering | null>(registering);
  const [form, forgetDraft] = useDraftForm("sign-up", {
    initialValues: { firstName: "", lastName: "", email: "", termsAccepted: false },
  });
  // Not in the draft: a password is kept nowhere.
  const [password, setPassword] = useState("");
  const fields = useRef<HTMLFormElement>(null);
  const register = useAction<SignUpMutation>(
    graphql`
      mutation SignUpMutation($input: RegisterPersonInput!) {
        registerPerson(input: $input) {
          accepted
          binding
        }
      }
    `,
    {
      form: {
        setErrors: form.setErrors,
        getInputNode: (field) => fields.current?.querySelector<HTMLElement>(`[name="${field}"]`) ?? null,
      },
      onDone: ({ registerPerson }) => {
        const now = { email: form.values.email.trim(), binding: registerPerson.binding, mails: (waiting?.mails ?? 0) + 1 };
        remember(now);
        setWaiting(now);
      },
    },
  );
  const send = () =>
    register.run({
      input: {
        ...form.values,
        email: form.values.email.trim(),
        password,
        locale: i18n.language,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        invitationToken: invitation ?? null,
      },
    });

  if (waiting) {
    return (
      <Mailbox
        waiting={waiting}
        again={password ? () => void send() : undefined}
        sending={register.pending}
        failed={register.failed}
        wait={register.wait}
        onOther={() => {
          forget();
          setWaiting(null);
        }}
        onConfirmed={forgetDraft}
      />
    );
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void send();
  }
  return (
    <PublicPage tab={t("signup.title")} title={t("signup.heading")} text={t("signup.text")}>
      <form ref={fields} onSubmit={submit} className={css.form} noValidate>
        <div className={css.pair}>
          <TextInput
            {...form.getInputProps("firstName")}
            name="firstName"
            label={t("signup.firstName")}
            autoComplete="given-name"
            autoFocus
            size="md"
          />
          <TextInput
            {...form.getInputProps("lastName")}
            name="lastName"
            label={t("signup.lastName")}
            autoComplete="family-name"
            size="md"
          />
        </div>
        <TextInput
          {...form.getInputProps("email")}
          name="email"
          type="email"
          label={t("signup.email")}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          size="md"
        />
        <NewPassword
          name="password"
          label={t("login.password")}
          value={password}
          onChange={(event) => {
            setPassword(event.currentTarget.value);
            form.clearFieldError("password");
          }}
          error={form.errors.password}
          size="md"
        />
        <Checkbox {...form.getInputProps("termsAccepted", { type: "checkbox" })} name="termsAccepted" label={t("signup.terms")} />
        <p className={css.hint}>
          <Link to="/terms" target="_blank" className={css.link}>
            {t("signup.termsRead")}
          </Link>
        </p>
        {register.failed && <ErrorCard problem={register.failed} fieldsShown />}
        <Button type="submit" size="md" fullWidth loading={register.pending} disabled={register.wait > 0}>
          {register.wait > 0 ? t("wait", { seconds: register.wait }) : t("signup.action")}
        </Button>
      </form>
      <p className={css.under}>
        <span>{t("signup.known")}</span>
        <Link to="/login" className={css.link}>
          {t("login.action")}
        </Link>
      </p>
    </PublicPage>
  );
}
