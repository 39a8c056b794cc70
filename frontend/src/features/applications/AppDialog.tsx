import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { AppDialogCreateMutation } from "#/relay/__generated__/AppDialogCreateMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { slugOf } from "./slug.ts";

type Props = { organizationId: string; list: string; onClose: () => void; onCreated: (id: string) => void };

export default function AppDialog({ organizationId, list, onClose, onCreated }: Props) {
  const { t } = useTranslation();
  const [form, forget] = useDraftForm("application:new", {
    initialValues: { name: "", slug: "", environment: "LIVE" as "LIVE" | "TEST", upstreamUrl: "" },
  });
  const suggested = slugOf(form.values.name);
  const create = useAction<AppDialogCreateMutation>(
    graphql`
      mutation AppDialogCreateMutation($input: CreateApplicationInput!, $connections: [ID!]!) {
        createApplication(input: $input) {
          application {
            id
          }
          edge @appendEdge(connections: $connections) {
            cursor
            node {
              id
              archivedAt
              ...AppsGrid_card
            }
          }
        }
      }
    `,
    {
      form,
      onDone: ({ createApplication }) => {
        forget();
        onCreated(createApplication.application.id);
      },
    },
  );
  const submit = form.onSubmit(({ name, slug, environment, upstreamUrl }) =>
    create.run({
      connections: [list],
      input: {
        organizationId,
        name: name.trim(),
        slug: slug.trim() || suggested || null,
        environment,
        upstreamUrl: upstreamUrl.trim() || null,
      },
    }),
  );
  return (
    <Dialog opened onClose={onClose} title={t("apps.create")} locked>
      <form onSubmit={submit} style={{ display: "grid", gap: 18 }}>
        <TextInput {...form.getInputProps("name")} label={t("apps.name")} placeholder="Storefront" data-autofocus />
        <TextInput
          {...form.getInputProps("slug")}
          label={t("apps.slug")}
          description={t("apps.slugHint")}
          placeholder={suggested}
          classNames={{ input: "mono" }}
        />
        <div>
          <div id="environment" className="dim" style={{ marginBottom: 6 }}>
            {t("apps.environmentHint")}
          </div>
          <SegmentedControl
            {...form.getInputProps("environment")}
            aria-labelledby="environment"
            fullWidth
            data={(["LIVE", "TEST"] as const).map((value) => ({ value, label: t(`apps.environment.${value}`) }))}
          />
        </div>
        <TextInput
          {...form.getInputProps("upstreamUrl")}
          label={t("upstream.originUrl")}
          description={t("upstream.originUrlHint")}
          placeholder="https://app.example.com"
          classNames={{ input: "mono" }}
          inputMode="url"
        />
        {create.failed && <ErrorCard problem={create.failed} fieldsShown />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={create.pending}>
            {t("apps.doCreate")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
