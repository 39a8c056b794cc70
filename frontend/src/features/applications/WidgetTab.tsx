import { Button, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { WidgetTabQuery } from "#/relay/__generated__/WidgetTabQuery.graphql.ts";
import type { WidgetTabSaveMutation } from "#/relay/__generated__/WidgetTabSaveMutation.graphql.ts";
import { graphql, useAction, useLazyLoadQuery } from "#/relay/index.ts";
import { ConflictDialog } from "#/ui/ConflictDialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { toast } from "#/ui/toast.ts";
import css from "./applications.module.css";
import { Snippets } from "./Snippets.tsx";

export default function WidgetTab({ id }: { id: string }) {
  const [round, setRound] = useState(0);
  const { application } = useLazyLoadQuery<WidgetTabQuery>(
    graphql`
      query WidgetTabQuery($id: ID!) {
        application(id: $id) {
          id
          version
          publicKey
          environment
          allowedOrigins
        }
      }
    `,
    { id },
    { fetchKey: round, fetchPolicy: "store-and-network" },
  );
  if (!application) return null;
  return (
    <div className="stack">
      <Origins key={round} application={application} onReload={() => setRound(round + 1)} />
      <Snippets application={application} />
    </div>
  );
}

type Application = NonNullable<WidgetTabQuery["response"]["application"]>;

/** Which pages may embed the widget. The server judges each line, and its word stands beside that line. */
function Origins({ application, onReload }: { application: Application; onReload: () => void }) {
  const { t } = useTranslation();
  const may = useCan("application.write");
  const form = useForm({
    initialValues: { allowedOrigins: application.allowedOrigins.length > 0 ? [...application.allowedOrigins] : [""] },
  });
  const save = useAction<WidgetTabSaveMutation>(
    graphql`
      mutation WidgetTabSaveMutation($input: UpdateApplicationInput!) {
        updateApplication(input: $input) {
          application {
            id
            version
            allowedOrigins
          }
        }
      }
    `,
    { form, onDone: () => toast(t("saved")) },
  );
  const submit = form.onSubmit(({ allowedOrigins }) => {
    const filled = allowedOrigins.map((origin) => origin.trim()).filter(Boolean);
    form.setFieldValue("allowedOrigins", filled.length > 0 ? filled : [""]);
    void save.run({ input: { id: application.id, version: application.version, allowedOrigins: filled } });
  });
  return (
    <form onSubmit={submit}>
      <Card
        title={t("widget.origins")}
        text={t("widget.originsText")}
        foot={
          <Button type="submit" loading={save.pending} disabled={!may || !form.isDirty()}>
            {t("save")}
          </Button>
        }
      >
        <fieldset disabled={!may} className={css.origins}>
          {form.values.allowedOrigins.map((_, i) => (
            <div key={i}>
              <TextInput
                {...form.getInputProps(`allowedOrigins.${i}`)}
                aria-label={t("widget.origin", { n: i + 1 })}
                placeholder="https://app.example.com"
                classNames={{ input: "mono" }}
                inputMode="url"
                spellCheck={false}
              />
              <Button
                variant="subtle"
                color="gray"
                c="var(--np-dim)"
                px={9}
                aria-label={t("widget.removeOrigin", { n: i + 1 })}
                onClick={() => form.removeListItem("allowedOrigins", i)}
              >
                <IconTrash size={16} />
              </Button>
            </div>
          ))}
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPlus size={14} />}
            onClick={() => form.insertListItem("allowedOrigins", "")}
            style={{ justifySelf: "start" }}
          >
            {t("widget.addOrigin")}
          </Button>
          {save.failed && <ErrorCard problem={save.failed} fieldsShown />}
        </fieldset>
      </Card>
      <ConflictDialog conflict={save.conflict} mine={form.values} onReload={onReload} onClose={save.clear} />
    </form>
  );
}
