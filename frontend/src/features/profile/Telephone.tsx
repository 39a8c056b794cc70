import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Telephone_profile$key } from "#/relay/__generated__/Telephone_profile.graphql.ts";
import type { TelephoneConfirmMutation } from "#/relay/__generated__/TelephoneConfirmMutation.graphql.ts";
import type { TelephoneSaveMutation } from "#/relay/__generated__/TelephoneSaveMutation.graphql.ts";
import type { TelephoneStartMutation } from "#/relay/__generated__/TelephoneStartMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { Status } from "#/ui/Status.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./profile.module.css";

const fragment = graphql`
  fragment Telephone_profile on Profile {
    phone
    phoneVerified
  }
`;

/** The telephone number: kept first, then proven by a code that is sent there. */
export function Telephone({ profile, version }: { profile: Telephone_profile$key; version: { current: number } }) {
  const { t } = useTranslation();
  const data = useFragment(fragment, profile);
  const [number, setNumber] = useState(data.phone ?? "");
  const [code, setCode] = useState("");
  const [sent, setSent] = useState(false);
  const save = useAction<TelephoneSaveMutation>(
    graphql`
      mutation TelephoneSaveMutation($input: UpdateProfileInput!) {
        updateProfile(input: $input) {
          id
          version
          phone
          phoneVerified
        }
      }
    `,
    {
      onDone: ({ updateProfile }) => {
        version.current = updateProfile.version;
        setNumber(updateProfile.phone ?? "");
        setSent(false);
        toast(t("saved"));
      },
    },
  );
  const start = useAction<TelephoneStartMutation>(
    graphql`
      mutation TelephoneStartMutation {
        startPhoneVerification {
          accepted
        }
      }
    `,
    { onDone: () => setSent(true) },
  );
  const confirm = useAction<TelephoneConfirmMutation>(
    graphql`
      mutation TelephoneConfirmMutation($code: Secret!) {
        confirmPhone(code: $code) {
          id
          version
          phone
          phoneVerified
        }
      }
    `,
    {
      onDone: ({ confirmPhone }) => {
        version.current = confirmPhone.version;
        setSent(false);
        setCode("");
        toast(t("profile.phoneDone"));
      },
    },
  );
  const typed = number.trim();
  const same = typed === (data.phone ?? "");
  const keep = (event: FormEvent) => {
    event.preventDefault();
    void save.run({ input: typed ? { phone: typed } : { clearPhone: true } });
  };
  const prove = (event: FormEvent) => {
    event.preventDefault();
    void confirm.run({ code: code.replace(/\s/g, "") });
  };
  return (
    <Card title={t("profile.phone")} text={t("profile.phoneText")}>
      <div className={css.fields}>
        <form onSubmit={keep} className={css.line} noValidate>
          <TextInput
            label={t("profile.phone")}
            description={t("profile.phoneHint")}
            inputWrapperOrder={["label", "input", "description", "error"]}
            type="tel"
            autoComplete="tel"
            dir="ltr"
            value={number}
            onChange={(event) => setNumber(event.currentTarget.value)}
            error={save.failed?.fields.phone}
          />
          <Button type="submit" variant="default" loading={save.pending} disabled={same || save.wait > 0}>
            {t("profile.phoneSave")}
          </Button>
        </form>
        {data.phone && (
          <p className={css.value}>
            <span className="mono" dir="ltr">
              {data.phone}
            </span>
            <Status tone={data.phoneVerified ? "good" : "warn"} plain>
              {data.phoneVerified ? t("profile.verified") : t("profile.unverified")}
            </Status>
            {!data.phoneVerified && (
              <Button
                variant="default"
                size="compact-sm"
                loading={start.pending}
                disabled={start.wait > 0}
                onClick={() => void start.run({})}
              >
                {start.wait > 0 ? t("wait", { seconds: start.wait }) : sent ? t("profile.codeAgain") : t("profile.codeSend")}
              </Button>
            )}
          </p>
        )}
        {sent && !data.phoneVerified && (
          <form onSubmit={prove} className={css.line} noValidate>
            <TextInput
              label={t("profile.code")}
              description={t("profile.codeText", { phone: data.phone })}
              inputWrapperOrder={["label", "input", "description", "error"]}
              inputMode="numeric"
              autoComplete="one-time-code"
              autoFocus
              maxLength={9}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
              error={confirm.failed?.fields.code}
            />
            <Button type="submit" loading={confirm.pending} disabled={!code.trim() || confirm.wait > 0}>
              {t("profile.codeConfirm")}
            </Button>
          </form>
        )}
        {(save.failed ?? start.failed ?? confirm.failed) && (
          <ErrorCard problem={(save.failed ?? start.failed ?? confirm.failed)!} fieldsShown />
        )}
      </div>
    </Card>
  );
}
