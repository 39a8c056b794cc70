import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { EmailAddress_profile$key } from "#/relay/__generated__/EmailAddress_profile.graphql.ts";
import type { EmailAddressMutation } from "#/relay/__generated__/EmailAddressMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./profile.module.css";

/** The address to sign in with. Another one counts when its mailbox has answered. */
export function EmailAddress({ profile }: { profile: EmailAddress_profile$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment EmailAddress_profile on Profile {
        email
        emailVerified
      }
    `,
    profile,
  );
  const [address, setAddress] = useState("");
  const [asked, setAsked] = useState("");
  const start = useAction<EmailAddressMutation>(
    graphql`
      mutation EmailAddressMutation($newEmail: Email!) {
        startEmailChange(newEmail: $newEmail) {
          accepted
        }
      }
    `,
    {
      onDone: () => {
        setAsked(address.trim());
        setAddress("");
      },
    },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void start.run({ newEmail: address.trim() });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Card
        title={t("profile.email")}
        text={t("profile.emailText")}
        foot={
          <Button type="submit" loading={start.pending} disabled={start.wait > 0 || !address.trim()}>
            {start.wait > 0 ? t("wait", { seconds: start.wait }) : t("profile.emailAction")}
          </Button>
        }
      >
        <div className={css.fields}>
          <p className={css.value}>
            <span>{data.email}</span>
            <Status tone={data.emailVerified ? "good" : "warn"} plain>
              {data.emailVerified ? t("profile.verified") : t("profile.unverified")}
            </Status>
          </p>
          <TextInput
            label={t("profile.newEmail")}
            type="email"
            autoComplete="email"
            autoCapitalize="none"
            spellCheck={false}
            value={address}
            onChange={(event) => setAddress(event.currentTarget.value)}
            error={start.failed?.fields.newEmail}
          />
          <p role="status" className={asked ? css.told : "sr"}>
            {asked && t("profile.emailAsked", { email: asked })}
          </p>
          {start.failed && <ErrorCard problem={start.failed} fieldsShown />}
        </div>
      </Card>
    </form>
  );
}
