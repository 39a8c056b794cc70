import { Button, Checkbox, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { SettingsArchiveMutation } from "#/relay/__generated__/SettingsArchiveMutation.graphql.ts";
import type { SettingsSaveMutation } from "#/relay/__generated__/SettingsSaveMutation.graphql.ts";
import type { SettingsTabQuery } from "#/relay/__generated__/SettingsTabQuery.graphql.ts";
import { graphql, read, useAction, useLazyLoadQuery } from "#/relay/index.ts";
import { pretty } from "#/ui/Code.tsx";
import { Confirm } from "#/ui/Confirm.tsx";
import { ConflictDialog } from "#/ui/ConflictDialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { toast } from "#/ui/toast.ts";
import { UpstreamFields, upstreamInput, upstreamValues } from "#/ui/UpstreamFields.tsx";
import css from "./domain.module.css";

const query = graphql`
  query SettingsTabQuery($id: ID!) {
    connection(id: $id) {
      id
      version
      hostname
      state
      externalRef
      labels
      metadata
      upstream {
        originUrl
        hostHeader
        customHost
        connectTimeoutMs
        responseTimeoutMs
        tlsVerify
      }
      application {
        upstream {
          originUrl
        }
      }
    }
  }
`;

export default function Settings({ id, onArchived }: { id: string; onArchived: () => void }) {
  const { t } = useTranslation();
  const [round, setRound] = useState(0);
  const { connection } = useLazyLoadQuery<SettingsTabQuery>(
    query,
    { id },
    { fetchPolicy: round ? "network-only" : "store-and-network", fetchKey: round },
  );
  if (!connection) return null;
  return (
    <div className="stack">
      <Form key={round} connection={connection} onReload={() => setRound(round + 1)} />
      {connection.state !== "ARCHIVED" && (
        <Archive
          id={id}
          hostname={connection.hostname}
          live={connection.state === "LIVE"}
          onArchived={onArchived}
          title={t("archive.title")}
        />
      )}
    </div>
  );
}

type Connection = NonNullable<SettingsTabQuery["response"]["connection"]>;

const valuesOf = (connection: Connection) => ({
  externalRef: connection.externalRef ?? "",
  labels: [...connection.labels],
  metadata: pretty(connection.metadata),
  upstream: upstreamValues(connection.upstream),
});

function Form({ connection, onReload }: { connection: Connection; onReload: () => void }) {
  const { t } = useTranslation();
  const may = useCan("connection.write") && connection.state !== "ARCHIVED";
  const [form, forget] = useDraftForm(`connection:${connection.id}:${connection.version}`, {
    mode: "uncontrolled",
    initialValues: valuesOf(connection),
  });
  const save = useAction<SettingsSaveMutation>(
    graphql`
      mutation SettingsSaveMutation($input: UpdateConnectionInput!) {
        updateConnection(input: $input) {
          connection {
            id
            version
            externalRef
            labels
            metadata
            upstream {
              originUrl
              hostHeader
              customHost
              connectTimeoutMs
              responseTimeoutMs
              tlsVerify
            }
          }
        }
      }
    `,
    {
      form,
      onDone: () => {
        forget();
        toast(t("saved"));
      },
    },
  );
  const submit = form.onSubmit((values) => {
    let metadata: unknown;
    try {
      metadata = JSON.parse(values.metadata || "{}");
    } catch (error) {
      form.setFieldError("metadata", (error as Error).message);
      form.getInputNode("metadata")?.focus();
      return;
    }
    void save.run({
      input: {
        id: connection.id,
        version: connection.version,
        externalRef: values.externalRef,
        labels: values.labels,
        metadata,
        ...upstreamInput(values.upstream),
      },
    });
  });
  return (
    <form onSubmit={submit}>
      <Card
        title={t("domain.tab.settings")}
        foot={
          <Button type="submit" loading={save.pending} disabled={!may}>
            {t("save")}
          </Button>
        }
      >
        <fieldset disabled={!may} className={css.fields}>
          <TextInput
            key={form.key("externalRef")}
            {...form.getInputProps("externalRef")}
            label={t("settings.externalRef")}
            description={t("settings.externalRefHint")}
            classNames={{ input: "mono" }}
          />
          <TagsInput key={form.key("labels")} {...form.getInputProps("labels")} label={t("settings.labels")} clearable />
          <Textarea
            key={form.key("metadata")}
            {...form.getInputProps("metadata")}
            label={t("settings.metadata")}
            description={t("settings.metadataHint")}
            autosize
            minRows={3}
            maxRows={14}
            classNames={{ input: "mono" }}
            spellCheck={false}
          />
          <h3>{t("upstream.title")}</h3>
          <UpstreamFields form={form} inherited={connection.application?.upstream?.originUrl} />
          {save.failed && <ErrorCard problem={save.failed} fieldsShown />}
        </fieldset>
      </Card>
      <ConflictDialog
        conflict={save.conflict}
        mine={form.getValues()}
        look={() => read<SettingsTabQuery>(query, { id: connection.id }, true).then((data) => data.connection && valuesOf(data.connection))}
        onReload={() => {
          forget();
          onReload();
        }}
        onClose={save.clear}
      />
    </form>
  );
}

function Archive({
  id,
  hostname,
  live,
  title,
  onArchived,
}: {
  id: string;
  hostname: string;
  live: boolean;
  title: string;
  onArchived: () => void;
}) {
  const { t } = useTranslation();
  const may = useCan("connection.archive");
  const [open, setOpen] = useState(false);
  const [revoke, setRevoke] = useState(false);
  const archive = useAction<SettingsArchiveMutation>(
    graphql`
      mutation SettingsArchiveMutation($id: ID!, $confirmHostname: String, $revokeCertificate: Boolean!) {
        archiveConnection(id: $id, confirmHostname: $confirmHostname, revokeCertificate: $revokeCertificate) {
          connection {
            id
            version
            state
          }
          waiting {
            message
            until
          }
        }
      }
    `,
    {
      onDone: ({ archiveConnection }) => {
        setOpen(false);
        toast(archiveConnection.waiting?.message ?? t("archive.done", { hostname }));
        if (archiveConnection.connection) onArchived();
      },
    },
  );
  if (!may) return null;
  return (
    <>
      <Card
        danger
        title={title}
        text={live ? t("archive.live", { hostname }) : t("archive.text")}
        actions={
          <Button variant="default" c="var(--np-bad)" onClick={() => setOpen(true)}>
            {t("archive.action")}
          </Button>
        }
      />
      <Confirm
        opened={open}
        onClose={() => setOpen(false)}
        title={title}
        name={hostname}
        action={t("archive.action")}
        pending={archive.pending}
        onConfirm={() => archive.run({ id, confirmHostname: hostname, revokeCertificate: revoke })}
        failure={archive.failed && <ErrorCard problem={archive.failed} />}
      >
        {live ? t("archive.live", { hostname }) : t("archive.text")}
        {live && (
          <Checkbox mt="md" label={t("archive.revoke")} checked={revoke} onChange={(event) => setRevoke(event.currentTarget.checked)} />
        )}
      </Confirm>
    </>
  );
}
