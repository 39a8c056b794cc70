import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import type { RegisterDialogMutation } from "#/relay/__generated__/RegisterDialogMutation.graphql.ts";
import { commitLocalUpdate, graphql, useAction, useRelayEnvironment } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./machines.module.css";

const DAY_MS = 86_400_000;
const lifetimes = [30, 90, 365] as const;

type Props = { list: string; onClose: () => void; onRegistered: (secret: string) => void };

/** Names a machine and shows its key, once. */
export default function RegisterDialog({ list, onClose, onRegistered }: Props) {
  const { t } = useTranslation();
  const environment = useRelayEnvironment();
  const shown = useRef<string>(undefined);
  const form = useForm({ mode: "uncontrolled", initialValues: { name: "", expires: "90" } });
  const register = useAction<RegisterDialogMutation>(
    graphql`
      mutation RegisterDialogMutation($input: RegisterMachineInput!, $connections: [ID!]!) {
        registerMachine(input: $input) {
          apiKey {
            secret
          }
          edge @prependEdge(connections: $connections) {
            cursor
            node {
              id
              name
              createdAt
              lastUsedAt
              active
            }
          }
        }
      }
    `,
    {
      form,
      updater: (store) => {
        shown.current = store.getRootField("registerMachine")?.getLinkedRecord("apiKey")?.getDataID();
      },
      onDone: ({ registerMachine }) => {
        onRegistered(registerMachine.apiKey.secret);
        const id = shown.current;
        if (id) commitLocalUpdate(environment, (store) => store.get(id)?.setValue(null, "secret"));
      },
    },
  );
  const submit = form.onSubmit(({ name, expires }) => {
    const input = {
      name: name.trim(),
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone || null,
      apiKeyExpiresAt: new Date(Date.now() + Number(expires) * DAY_MS).toISOString(),
    };
    void register.run({ input, connections: [list] });
  });
  return (
    <Dialog opened onClose={onClose} title={t("programs.register")} size={480} locked>
      <form onSubmit={submit} className={css.form}>
        <TextInput
          key={form.key("name")}
          {...form.getInputProps("name")}
          label={t("programs.name")}
          placeholder={t("programs.nameHint")}
          data-autofocus
        />
        <NativeSelect
          key={form.key("expires")}
          {...form.getInputProps("expires")}
          label={t("programs.lasts")}
          data={lifetimes.map((days) => ({ value: String(days), label: t("programs.days", { count: days }) }))}
        />
        {register.failed && <ErrorCard problem={register.failed} fieldsShown />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={register.pending} disabled={register.wait > 0}>
            {register.wait > 0 ? t("wait", { seconds: register.wait }) : t("programs.doRegister")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
