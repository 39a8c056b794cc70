import { Button, Checkbox, NativeSelect, Switch, TextInput } from "@mantine/core";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { EndpointForm_endpoint$data, EndpointForm_endpoint$key } from "#/relay/__generated__/EndpointForm_endpoint.graphql.ts";
import type { EndpointFormApplicationsQuery } from "#/relay/__generated__/EndpointFormApplicationsQuery.graphql.ts";
import type { EndpointFormCreateMutation } from "#/relay/__generated__/EndpointFormCreateMutation.graphql.ts";
import type { EndpointFormSaveMutation } from "#/relay/__generated__/EndpointFormSaveMutation.graphql.ts";
import type { EndpointFormTopicsQuery } from "#/relay/__generated__/EndpointFormTopicsQuery.graphql.ts";
import { graphql, useAction, useFragment, useLazyLoadQuery } from "#/relay/index.ts";
import { ConflictDialog } from "#/ui/ConflictDialog.tsx";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./webhooks.module.css";

type Props = {
  organizationId: string;
  endpoint?: EndpointForm_endpoint$key;
  onClose: () => void;
  onCreated?: (secret: string | null) => void;
};

/** Creates an endpoint, or changes one. */
export default function EndpointForm(props: Props) {
  const { t } = useTranslation();
  const endpoint = useFragment(
    graphql`
      fragment EndpointForm_endpoint on WebhookEndpoint {
        id
        version
        url
        description
        topics
        ordered
      }
    `,
    props.endpoint ?? null,
  );
  return (
    <Dialog opened onClose={props.onClose} title={t(endpoint ? "webhooks.edit" : "webhooks.create")} size={600} locked>
      <Suspense fallback={<div style={{ height: 360 }} aria-busy="true" />}>
        <Form {...props} was={endpoint ?? null} />
      </Suspense>
    </Dialog>
  );
}

function Form({ organizationId, was, onClose, onCreated }: Props & { was: EndpointForm_endpoint$data | null }) {
  const { t } = useTranslation();
  const { webhookTopics } = useLazyLoadQuery<EndpointFormTopicsQuery>(
    graphql`
      query EndpointFormTopicsQuery {
        webhookTopics {
          topic
          description
          optional
        }
      }
    `,
    {},
  );
  const [form, forget] = useDraftForm(was ? `endpoint:${was.id}:${was.version}` : "endpoint:new", {
    initialValues: {
      url: was?.url ?? "",
      description: was?.description ?? "",
      topics: [...(was?.topics ?? ["connection.*"])],
      applicationId: "",
      ordered: was?.ordered ?? true,
    },
  });
  const create = useAction<EndpointFormCreateMutation>(
    graphql`
      mutation EndpointFormCreateMutation($input: CreateWebhookEndpointInput!) {
        createWebhookEndpoint(input: $input) {
          secret
          endpoint {
            id
            ...EndpointsTable_row
            organization {
              id
            }
          }
        }
      }
    `,
    {
      form,
      secretOf: "createWebhookEndpoint",
      updater: (store) => {
        const made = store.getRootField("createWebhookEndpoint")?.getLinkedRecord("endpoint");
        const list = store.getRoot().getLinkedRecords("webhookEndpoints", { organizationId });
        if (made && list) store.getRoot().setLinkedRecords([...list, made], "webhookEndpoints", { organizationId });
      },
      onDone: ({ createWebhookEndpoint }) => {
        forget();
        onCreated?.(createWebhookEndpoint.secret ?? null);
      },
    },
  );
  const save = useAction<EndpointFormSaveMutation>(
    graphql`
      mutation EndpointFormSaveMutation($input: UpdateWebhookEndpointInput!) {
        updateWebhookEndpoint(input: $input) {
          endpoint {
            id
            ...EndpointForm_endpoint
            ...EndpointPage_endpoint
          }
        }
      }
    `,
    {
      form,
      onDone: () => {
        forget();
        toast(t("saved"));
        onClose();
      },
    },
  );
  const action = was ? save : create;
  const submit = form.onSubmit(({ url, description, topics, applicationId, ordered }) => {
    const common = { url: url.trim(), description: description.trim(), topics, ordered };
    if (was) void save.run({ input: { id: was.id, version: was.version, ...common } });
    else void create.run({ input: { organizationId, applicationId: applicationId || null, ...common } });
  });

  const nouns = [...new Set(webhookTopics.map(({ topic }) => topic.split(".")[0] ?? topic))];
  const chosen = form.values.topics;
  const toggle = (topic: string, on: boolean) =>
    form.setFieldValue("topics", on ? [...chosen.filter((one) => one !== topic), topic] : chosen.filter((one) => one !== topic));
  return (
    <form onSubmit={submit} className={css.form}>
      <TextInput
        {...form.getInputProps("url")}
        label={t("webhooks.column.url")}
        description={t("webhooks.urlHint")}
        placeholder="https://api.example.com/hooks/nameplate"
        classNames={{ input: "mono" }}
        inputMode="url"
        autoFocus
      />
      <TextInput {...form.getInputProps("description")} label={t("webhooks.description")} />
      {!was && (
        <Suspense>
          <ApplicationChoice organizationId={organizationId} {...form.getInputProps("applicationId")} />
        </Suspense>
      )}
      <fieldset className={css.topics}>
        <legend>{t("webhooks.column.topics")}</legend>
        {form.errors.topics && <p className={css.fieldError}>{form.errors.topics}</p>}
        {nouns.map((noun) => {
          const all = `${noun}.*`;
          const everything = chosen.includes(all) || chosen.includes("*");
          const topics = webhookTopics.filter(({ topic }) => topic.startsWith(`${noun}.`));
          return (
            <div key={noun}>
              <Checkbox
                size="xs"
                checked={everything}
                onChange={(event) => toggle(all, event.currentTarget.checked)}
                label={
                  <>
                    <code>{all}</code> <span className="dim">{t("webhooks.all")}</span>
                  </>
                }
              />
              <div className={css.topicList}>
                {topics.map(({ topic, description, optional }) => {
                  const implied = everything && !optional;
                  return (
                    <Checkbox
                      key={topic}
                      size="xs"
                      checked={implied || chosen.includes(topic)}
                      disabled={implied}
                      onChange={(event) => toggle(topic, event.currentTarget.checked)}
                      label={
                        <>
                          <code>{topic}</code> {optional && <span className="dim">{t("webhooks.noisy")}</span>}
                        </>
                      }
                      title={description}
                    />
                  );
                })}
              </div>
            </div>
          );
        })}
      </fieldset>
      <Switch
        {...form.getInputProps("ordered", { type: "checkbox" })}
        label={t("webhooks.ordered")}
        description={t("webhooks.orderedHint")}
      />
      {action.failed && <ErrorCard problem={action.failed} fieldsShown />}
      <DialogFoot>
        <Button variant="default" onClick={onClose}>
          {t("cancel")}
        </Button>
        <Button type="submit" loading={action.pending} disabled={action.wait > 0}>
          {t(was ? "save" : "webhooks.doCreate")}
        </Button>
      </DialogFoot>
      <ConflictDialog conflict={save.conflict} mine={form.values} onReload={onClose} onClose={save.clear} />
    </form>
  );
}

type ChoiceProps = { organizationId: string; value?: string; onChange?: (value: string) => void };

/** Events of all applications, or of one. */
function ApplicationChoice({ organizationId, value, onChange }: ChoiceProps) {
  const { t } = useTranslation();
  const { applications } = useLazyLoadQuery<EndpointFormApplicationsQuery>(
    graphql`
      query EndpointFormApplicationsQuery($organizationId: ID!) {
        applications(organizationId: $organizationId, first: 100) {
          nodes {
            id
            name
            archivedAt
          }
        }
      }
    `,
    { organizationId },
  );
  const open = applications.nodes.filter(({ archivedAt }) => !archivedAt);
  if (open.length < 2) return null;
  return (
    <NativeSelect
      label={t("domains.column.application")}
      value={value ?? ""}
      onChange={(event) => onChange?.(event.currentTarget.value)}
      data={[{ value: "", label: t("domains.allApplications") }, ...open.map(({ id, name }) => ({ value: id, label: name }))]}
    />
  );
}
