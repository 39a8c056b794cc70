import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { PostalAddress_profile$key } from "#/relay/__generated__/PostalAddress_profile.graphql.ts";
import type { PostalAddressNowQuery } from "#/relay/__generated__/PostalAddressNowQuery.graphql.ts";
import type { PostalAddressSaveMutation } from "#/relay/__generated__/PostalAddressSaveMutation.graphql.ts";
import { graphql, read, useAction, useFragment } from "#/relay/index.ts";
import { ConflictDialog } from "#/ui/ConflictDialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { toast } from "#/ui/toast.ts";
import { countries } from "./countries.ts";
import css from "./profile.module.css";

const fragment = graphql`
  fragment PostalAddress_profile on Profile {
    userId
    version
    address {
      line1
      line2
      line3
      city
      state
      zip
      countryCode
    }
  }
`;

const now = graphql`
  query PostalAddressNowQuery {
    viewer {
      profile {
        version
        address {
          line1
          line2
          line3
          city
          state
          zip
          countryCode
        }
      }
    }
  }
`;

const fields = ["line1", "line2", "line3", "zip", "city", "state", "countryCode"] as const;
type Values = Record<(typeof fields)[number], string>;

const valuesOf = (address: { readonly [K in keyof Values]?: string | null }): Values =>
  Object.fromEntries(fields.map((field) => [field, address[field] ?? ""])) as Values;

/** Where mail on paper goes. All of it may be left out. */
export function PostalAddress({ profile, version }: { profile: PostalAddress_profile$key; version: { current: number } }) {
  const { t, i18n } = useTranslation();
  const data = useFragment(fragment, profile);
  const latest = useRef(valuesOf(data.address));
  const [form, forget] = useDraftForm<Values>(`address:${data.userId}:${version.current}`, { initialValues: latest.current });
  const save = useAction<PostalAddressSaveMutation>(
    graphql`
      mutation PostalAddressSaveMutation($input: UpdateAddressInput!) {
        updateProfileAddress(input: $input) {
          id
          version
          address {
            line1
            line2
            line3
            city
            state
            zip
            countryCode
          }
        }
      }
    `,
    {
      form,
      onDone: ({ updateProfileAddress }) => {
        forget();
        version.current = updateProfileAddress.version;
        form.setValues(valuesOf(updateProfileAddress.address));
        toast(t("saved"));
      },
    },
  );
  const lands = useMemo(() => countries(i18n.language), [i18n.language]);
  const look = () =>
    read<PostalAddressNowQuery>(now, {}, true).then(({ viewer }) => {
      if (!viewer.profile) return null;
      latest.current = valuesOf(viewer.profile.address);
      version.current = viewer.profile.version;
      return latest.current;
    });
  const line = (field: keyof Values, autoComplete: string) => (
    <TextInput {...form.getInputProps(field)} label={t(`profile.${field}`)} autoComplete={autoComplete} maxLength={100} />
  );
  return (
    <form onSubmit={form.onSubmit((values) => void save.run({ input: { ...values, version: version.current } }))} noValidate>
      <Card
        title={t("profile.address")}
        text={t("profile.addressText")}
        foot={
          <Button type="submit" loading={save.pending} disabled={save.wait > 0}>
            {save.wait > 0 ? t("wait", { seconds: save.wait }) : t("profile.saveAddress")}
          </Button>
        }
      >
        <div className={css.fields}>
          {line("line1", "address-line1")}
          {line("line2", "address-line2")}
          {line("line3", "address-line3")}
          <div className={css.pair}>
            {line("zip", "postal-code")}
            {line("city", "address-level2")}
          </div>
          <div className={css.pair}>
            {line("state", "address-level1")}
            <NativeSelect
              {...form.getInputProps("countryCode")}
              label={t("profile.countryCode")}
              autoComplete="country"
              data={[{ value: "", label: t("profile.noCountry") }, ...lands]}
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
