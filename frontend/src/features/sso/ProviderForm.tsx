import { Button, Checkbox, PasswordInput, Switch, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ProviderFormSaveMutation } from "#/relay/__generated__/ProviderFormSaveMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { CopyButton } from "#/ui/CopyButton.tsx";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import type { Config } from "./SingleSignOn.tsx";
import css from "./sso.module.css";

type Props = {
  organizationId: string;
  config: Config | null;
  domains: readonly string[];
  onClose: () => void;
  onSaved: () => void;
};

/** Makes or changes a provider. What was typed stays when the window is closed, but for the secret. */
export default function ProviderForm({ organizationId, config, domains, onClose, onSaved }: Props) {
  const { t } = useTranslation();
  const [form, forget] = useDraftForm(`sso:${config?.id ?? organizationId}`, {
    initialValues: {
      name: config?.name ?? "",
      slug: config?.slug ?? "",
      issuer: config?.issuer ?? "",
      clientId: config?.clientId ?? "",
      emailDomains: [...(config?.emailDomains ?? [])],
      trustEmail: config?.trustEmail ?? false,
      enabled: config?.enabled ?? true,
    },
  });
  const save = useAction<ProviderFormSaveMutation>(
    graphql`
      mutation ProviderFormSaveMutation($input: SaveSsoProviderInput!) {
        saveSsoProvider(input: $input) {
          id
          version
        }
      }
    `,
    {
      form,
      onDone: () => {
        forget();
        onSaved();
      },
    },
  );
  const slug = form.values.slug.trim();
  const redirect = `${location.origin}/auth/sso/callback/${slug || "…"}`;
  return (
    <Dialog opened onClose={onClose} title={t(config ? "sso.provider.change" : "sso.provider.add")}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          const secret = new FormData(event.currentTarget).get("clientSecret")?.toString().trim();
          void save.run({
            input: {
              ...form.values,
              id: config?.id ?? null,
              version: config?.version ?? null,
              organizationId,
              name: form.values.name.trim(),
              slug,
              issuer: form.values.issuer.trim(),
              clientId: form.values.clientId.trim(),
              clientSecret: secret || null,
              scopes: config ? [...config.scopes] : null,
            },
          });
        }}
      >
        <div className={css.fields}>
          <TextInput {...form.getInputProps("name")} label={t("sso.provider.name")} placeholder="Acme" maxLength={100} data-autofocus />
          <TextInput
            {...form.getInputProps("slug")}
            label={t("sso.provider.slug")}
            description={t("sso.provider.slugHint")}
            placeholder="acme"
            disabled={config !== null}
            classNames={{ input: "mono" }}
            spellCheck={false}
            autoCapitalize="none"
          />
          <dl className={css.record}>
            <dt>{t("sso.provider.redirect")}</dt>
            <dd className="mono">{redirect}</dd>
            <dd>{slug && <CopyButton text={redirect} what={t("sso.provider.redirect")} />}</dd>
          </dl>
          <TextInput
            {...form.getInputProps("issuer")}
            label={t("sso.provider.issuer")}
            description={t("sso.provider.issuerHint")}
            placeholder="https://login.example.com"
            classNames={{ input: "mono" }}
            spellCheck={false}
            autoCapitalize="none"
            inputMode="url"
          />
          <TextInput
            {...form.getInputProps("clientId")}
            label={t("sso.provider.clientId")}
            classNames={{ input: "mono" }}
            spellCheck={false}
            autoCapitalize="none"
          />
          <PasswordInput
            name="clientSecret"
            label={t("sso.provider.clientSecret")}
            description={config ? t("sso.provider.secretKept") : undefined}
            error={form.errors.clientSecret}
            autoComplete="off"
            visibilityToggleButtonProps={{ "aria-label": t("sso.provider.show") }}
          />
          {domains.length > 0 && (
            <Checkbox.Group
              {...form.getInputProps("emailDomains")}
              label={t("sso.provider.domains")}
              description={t("sso.provider.domainsHint")}
            >
              <div className={css.actions}>
                {domains.map((domain) => (
                  <Checkbox key={domain} value={domain} label={domain} />
                ))}
              </div>
            </Checkbox.Group>
          )}
          <Switch
            {...form.getInputProps("trustEmail", { type: "checkbox" })}
            label={t("sso.provider.trust")}
            description={t("sso.provider.trustHint")}
          />
          <Switch {...form.getInputProps("enabled", { type: "checkbox" })} label={t("sso.provider.enabled")} />
          {save.failed && <ErrorCard problem={save.failed} fieldsShown />}
        </div>
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={save.pending} disabled={save.wait > 0}>
            {save.wait > 0 ? t("wait", { seconds: save.wait }) : t("save")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
