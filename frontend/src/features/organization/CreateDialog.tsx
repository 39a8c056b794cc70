import { Anchor, Button, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { CreateDialogMutation } from "#/relay/__generated__/CreateDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./organization.module.css";

/** A new organization. Its short name is made of the name, unless the person wants another one. */
export default function CreateDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [form, forget] = useDraftForm("organization:new", { initialValues: { name: "", slug: "" } });
  const create = useAction<CreateDialogMutation>(
    graphql`
      mutation CreateDialogMutation($input: CreateOrganizationInput!) {
        createOrganization(input: $input) {
          id
          slug
          name
          ownership
        }
      }
    `,
    {
      form,
      onDone: ({ createOrganization }) => {
        forget();
        void navigate({ to: "/$org", params: { org: createOrganization.slug } });
      },
    },
  );
  const free = create.failed?.faults.find((fault) => fault.reason === "slug_taken")?.free;
  const submit = form.onSubmit(({ name, slug }) => create.run({ input: { name: name.trim(), slug: slug.trim().toLowerCase() || null } }));
  return (
    <Dialog opened onClose={onClose} title={t("organizations.create")} locked>
      <form onSubmit={submit} className={css.fields}>
        <TextInput {...form.getInputProps("name")} label={t("settings.name")} maxLength={100} placeholder="Acme" data-autofocus />
        <TextInput
          {...form.getInputProps("slug")}
          label={t("settings.slug")}
          description={t("organizations.slugHint", { host: location.host })}
          classNames={{ input: "mono" }}
          spellCheck={false}
          autoCapitalize="none"
        />
        {typeof free === "string" && (
          <p className={css.offer} role="status">
            {t("settings.free")}{" "}
            <Anchor component="button" type="button" className="mono" onClick={() => form.setFieldValue("slug", free)}>
              {free}
            </Anchor>
          </p>
        )}
        {create.failed && <ErrorCard problem={create.failed} fieldsShown />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={create.pending} disabled={create.wait > 0}>
            {create.wait > 0 ? t("wait", { seconds: create.wait }) : t("organizations.doCreate")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
