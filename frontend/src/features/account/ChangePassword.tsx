import { Button, Checkbox, PasswordInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ChangePasswordMutation } from "#/relay/__generated__/ChangePasswordMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./account.module.css";
import { NewPassword } from "./NewPassword.tsx";

type Props = { hasPassword: boolean; changedAt: string | null };

/** The present password and the next one. Other browsers are signed out, unless the person says otherwise. */
export function ChangePassword({ hasPassword, changedAt }: Props) {
  const { t } = useTranslation();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [others, setOthers] = useState(true);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const fields = useRef<HTMLFormElement>(null);
  const change = useAction<ChangePasswordMutation>(
    graphql`
      mutation ChangePasswordMutation($current: Secret!, $new: Secret!, $revokeOtherSessions: Boolean!) {
        changePassword(current: $current, new: $new, revokeOtherSessions: $revokeOtherSessions) {
          ok
        }
      }
    `,
    {
      form: { setErrors, getInputNode: (field) => fields.current?.querySelector<HTMLElement>(`[name="${field}"]`) ?? null },
      updater: (store) => {
        const now = new Date().toISOString();
        store.getRoot().getLinkedRecord("identity")?.setValue(now, "passwordChangedAt");
        if (!others) return;
        const left = store.getRoot().getLinkedRecords("sessions");
        if (left) {
          const own = left.filter((session) => session.getValue("current"));
          store.getRoot().setLinkedRecords(own, "sessions");
        }
      },
      onDone: () => {
        setCurrent("");
        setNext("");
        toast(t("security.changed"));
      },
    },
  );
  if (!hasPassword) {
    return (
      <Card title={t("login.password")} text={t("security.none")}>
        <Link to="/auth/password-reset-request" className={css.link}>
          {t("reset.title")}
        </Link>
      </Card>
    );
  }
  function submit(event: FormEvent) {
    event.preventDefault();
    void change.run({ current, new: next, revokeOtherSessions: others });
  }
  return (
    <Card
      title={t("login.password")}
      text={
        changedAt && (
          <>
            {t("security.changedAt")} <RelativeTime at={changedAt} />
          </>
        )
      }
    >
      <form ref={fields} onSubmit={submit} className={css.narrow}>
        <PasswordInput
          name="current"
          label={t("security.current")}
          value={current}
          onChange={(event) => setCurrent(event.currentTarget.value)}
          error={errors.current}
          autoComplete="current-password"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ "aria-label": t("login.show") }}
        />
        <NewPassword
          name="new"
          label={t("password.new")}
          value={next}
          onChange={(event) => setNext(event.currentTarget.value)}
          error={errors.new}
        />
        <Checkbox label={t("security.others")} checked={others} onChange={(event) => setOthers(event.currentTarget.checked)} />
        {change.failed && <ErrorCard problem={change.failed} fieldsShown />}
        <div>
          <Button type="submit" loading={change.pending} disabled={change.wait > 0}>
            {change.wait > 0 ? t("wait", { seconds: change.wait }) : t("security.change")}
          </Button>
        </div>
      </form>
    </Card>
  );
}
