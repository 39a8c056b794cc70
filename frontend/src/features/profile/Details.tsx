import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { languages } from "#/i18n/index.ts";
import type { Details_profile$key } from "#/relay/__generated__/Details_profile.graphql.ts";
import type { DetailsNowQuery } from "#/relay/__generated__/DetailsNowQuery.graphql.ts";
import type { DetailsSaveMutation } from "#/relay/__generated__/DetailsSaveMutation.graphql.ts";
import { graphql, read, useAction, useFragment } from "#/relay/index.ts";
import { ConflictDialog } from "#/ui/ConflictDialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { toast } from "#/ui/toast.ts";
import { zones } from "./countries.ts";
import css from "./profile.module.css";

const fragment = graphql`
  fragment Details_profile on Profile {
    userId
    version
    firstName
    lastName
    displayName
    timezone
    locale
  }
`;

const now = graphql`
  query DetailsNowQuery {
    viewer {
      profile {
        version
        firstName
        lastName
        displayName
        timezone
        locale
      }
    }
  }
`;

type Values = { firstName: string; lastName: string; displayName: string; timezone: string; locale: string };

const valuesOf = (profile: { readonly [K in keyof Values]: string | null | undefined }): Values => ({
  firstName: profile.firstName ?? "",
  lastName: profile.lastName ?? "",
  displayName: profile.displayName ?? "",
  timezone: profile.timezone ?? "",
  locale: profile.locale ?? "",
});

/** What the person is called, and how dates and mails speak to them. A lost race shows what differs and keeps what was typed. */
export function Details({ profile, version }: { profile: Details_profile$key; version: { current: number } }) {
  const { t, i18n } = useTranslation();
  const data = useFragment(fragment, profile);
  const [round, setRound] = useState(0);
  const latest = useRef(valuesOf(data));
  const [form, forget] = useDraftForm<Values>(`profile:${data.userId}:${version.current}`, { initialValues: latest.current });
  const save = useAction<DetailsSaveMutation>(
    graphql`
      mutation DetailsSaveMutation($input: UpdateProfileInput!) {
        updateProfile(input: $input) {
          id
          version
          ...Details_profile
          firstName
          lastName
          displayName
          timezone
          locale
        }
      }
    `,
    {
      form,
      onDone: ({ updateProfile }) => {
        forget();
        version.current = updateProfile.version;
        form.setValues(valuesOf(updateProfile));
        setRound(round + 1);
        toast(t("saved"));
      },
    },
  );
  const zoneNames = useMemo(() => zones(data.timezone), [data.timezone]);
  const tongues = Object.entries(languages).map(([value, label]) => ({ value, label: String(label) }));
  if (!tongues.some(({ value }) => value === form.values.locale)) {
    const label = new Intl.DisplayNames(i18n.language, { type: "language" }).of(form.values.locale || "en") ?? form.values.locale;
    tongues.push({ value: form.values.locale, label });
  }
  const look = () =>
    read<DetailsNowQuery>(now, {}, true).then(({ viewer }) => {
      if (!viewer.profile) return null;
      latest.current = valuesOf(viewer.profile);
      version.current = viewer.profile.version;
      return latest.current;
    });
  return (
    <form onSubmit={form.onSubmit((values) => void save.run({ input: { ...values, version: version.current } }))} noValidate>
      <Card
        title={t("profile.details")}
        text={t("profile.detailsText")}
        foot={
          <Button type="submit" loading={save.pending} disabled={save.wait > 0}>
            {save.wait > 0 ? t("wait", { seconds: save.wait }) : t("save")}
          </Button>
        }
      >
        <div className={css.fields}>
          <div className={css.pair}>
            <TextInput {...form.getInputProps("firstName")} label={t("signup.firstName")} autoComplete="given-name" maxLength={100} />
            <TextInput {...form.getInputProps("lastName")} label={t("signup.lastName")} autoComplete="family-name" maxLength={100} />
          </div>
          <TextInput
            {...form.getInputProps("displayName")}
            label={t("profile.displayName")}
            description={t("profile.displayNameHint")}
            autoComplete="nickname"
            maxLength={100}
          />
          <div className={css.pair}>
            <NativeSelect {...form.getInputProps("timezone")} label={t("profile.timezone")} data={zoneNames} />
            <NativeSelect
              {...form.getInputProps("locale")}
              label={t("profile.locale")}
              description={t("profile.localeHint")}
              data={tongues}
              inputWrapperOrder={["label", "input", "description", "error"]}
            />
          </div>
          {save.failed && <ErrorCard problem={save.failed} fieldsShown />}
        </div>
      </Card>
      <ConflictDialog
        conflict={save.conflict}
        mine={form.values}
        look={look}
        onReload={() => {
          forget();
          form.setValues(latest.current);
          save.clear();
        }}
        onClose={save.clear}
      />
    </form>
  );
}
