import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useTranslation } from "react-i18next";
import type { KeyDialogCreateMutation } from "#/relay/__generated__/KeyDialogCreateMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./keys.module.css";
import { grouped, lifetimes } from "./scopes.ts";

type Props = {
  organizationId: string;
  applicationId?: string;
  permissions: readonly string[];
  list: string;
  onClose: () => void;
  onCreated: (secret: string) => void;
};

const DAY_MS = 86_400_000;
/** A person administers keys, a key should not: these are offered last and never preset. */
const preset = ["organization.read", "application.read", "connection.read", "connection.start", "connection.check", "widget.mint"];

export default function KeyDialog({ organizationId, applicationId, permissions, list, onClose, onCreated }: Props) {
  const { t } = useTranslation();
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { description: "", expires: "90", scopes: permissions.filter((permission) => preset.includes(permission)) },
  });
  const create = useAction<KeyDialogCreateMutation>(
    graphql`
      mutation KeyDialogCreateMutation($input: CreateApiKeyInput!, $connections: [ID!]!) {
        createApiKey(input: $input) {
          secret
          edge @prependEdge(connections: $connections) {
            cursor
            node {
              id
              prefix
              lastFour
              description
              scopes
              applicationId
              createdAt
              expiresAt
              lastUsedAt
              lastUsedIp
              revokedAt
            }
          }
        }
      }
    `,
    { form, secretOf: "createApiKey", onDone: ({ createApiKey }) => onCreated(createApiKey.secret) },
  );
  const submit = form.onSubmit(({ description, expires, scopes }) => {
    const days = Number(expires);
    void create.run({
      connections: [list],
      input: {
        organizationId,
        applicationId: applicationId ?? null,
        description: description.trim(),
        scopes,
        expiresAt: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
        neverExpires: days === 0,
        expireOthers: false,
      },
    });
  });
  return (
    <Dialog opened onClose={onClose} title={t("keys.create")} size={640} locked>
      <form onSubmit={submit} className={css.form}>
        <TextInput
          key={form.key("description")}
          {...form.getInputProps("description")}
          label={t("keys.description")}
          placeholder={t("keys.descriptionHint")}
          data-autofocus
        />
        <NativeSelect
          key={form.key("expires")}
          {...form.getInputProps("expires")}
          label={t("keys.column.expires")}
          data={lifetimes.map((days) => ({ value: String(days), label: days ? t("keys.days", { count: days }) : t("keys.noEnd") }))}
        />
        <Checkbox.Group
          key={form.key("scopes")}
          {...form.getInputProps("scopes")}
          label={t("keys.column.scopes")}
          description={t("keys.scopesHint")}
        >
          <div className={css.groups}>
            {grouped(permissions).map(([noun, all]) => (
              <fieldset key={noun}>
                <legend>{t(`noun.${noun}`, { defaultValue: noun })}</legend>
                {all.map((permission) => (
                  <Checkbox key={permission} size="xs" value={permission} label={<code>{permission}</code>} />
                ))}
              </fieldset>
            ))}
          </div>
        </Checkbox.Group>
        {create.failed && <ErrorCard problem={create.failed} fieldsShown />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={create.pending} disabled={create.wait > 0}>
            {create.wait > 0 ? t("wait", { seconds: create.wait }) : t("keys.doCreate")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
