import { Button, Checkbox, NativeSelect, Switch, TextInput } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AppSettingsArchiveMutation } from "#/relay/__generated__/AppSettingsArchiveMutation.graphql.ts";
import type { AppSettingsQuery } from "#/relay/__generated__/AppSettingsQuery.graphql.ts";
import type { AppSettingsSaveMutation } from "#/relay/__generated__/AppSettingsSaveMutation.graphql.ts";
import { graphql, read, useAction, useLazyLoadQuery } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import { Confirm } from "#/ui/Confirm.tsx";
import { ConflictDialog } from "#/ui/ConflictDialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import { UpstreamFields, upstreamInput, upstreamValues } from "#/ui/UpstreamFields.tsx";
import css from "./applications.module.css";
import { Monitoring } from "./Monitoring.tsx";

const EdgeSecretDialog = lazy(() => import("./EdgeSecretDialog.tsx"));

const ages = ["0", "300", "86400", "2592000", "31536000"];
const companions = ["ASK", "APEX", "WWW", "NONE"] as const;
const rules = ["OPTIONAL", "REQUIRED", "FORBIDDEN"] as const;

const query = graphql`
  query AppSettingsQuery($id: ID!) {
    application(id: $id) {
      id
      version
      name
      slug
      archivedAt
      subdomainRule
      wildcards
      defaultSubdomain
      companion
      companionStatus
      hstsMaxAge
      edgeSecretAt
      organization {
        id
      }
      monitorPolicy {
        id
      }
      ownershipPolicy {
        targetToken
        txtRequired
      }
      upstream {
        originUrl
        hostHeader
        customHost
        connectTimeoutMs
        responseTimeoutMs
        tlsVerify
      }
      connectionCounts {
        state
        count
      }
    }
  }
`;

export default function AppSettings({ id, onArchived }: { id: string; onArchived: () => void }) {
  const { t } = useTranslation();
  const [round, setRound] = useState(0);
  const { application } = useLazyLoadQuery<AppSettingsQuery>(
    query,
    { id },
    { fetchKey: round, fetchPolicy: round ? "network-only" : "store-and-network" },
  );
  if (!application) return null;
  return (
    <div className="stack">
      <Form key={round} application={application} onReload={() => setRound(round + 1)} />
      {!application.archivedAt && (
        <Part what={t("monitor.title")}>
          <Monitoring application={application} />
        </Part>
      )}
      {!application.archivedAt && <EdgeSecret application={application} />}
      {!application.archivedAt && <Archive application={application} onArchived={onArchived} />}
    </div>
  );
}

type Application = NonNullable<AppSettingsQuery["response"]["application"]>;

const valuesOf = (application: Application) => ({
  name: application.name,
  slug: application.slug,
  subdomainRule: application.subdomainRule,
  wildcards: application.wildcards,
  defaultSubdomain: application.defaultSubdomain ?? "",
  companion: application.companion,
  companionStatus: String(application.companionStatus),
  hstsMaxAge: String(application.hstsMaxAge),
  ownershipPolicy: { ...application.ownershipPolicy },
  upstream: upstreamValues(application.upstream),
});

function Form({ application, onReload }: { application: Application; onReload: () => void }) {
  const { t } = useTranslation();
  const may = useCan("application.write");
  const [form, forget] = useDraftForm(`application:${application.id}:${application.version}`, {
    initialValues: valuesOf(application),
  });
  const save = useAction<AppSettingsSaveMutation>(
    graphql`
      mutation AppSettingsSaveMutation($input: UpdateApplicationInput!) {
        updateApplication(input: $input) {
          application {
            id
            version
            name
            slug
            subdomainRule
            wildcards
            defaultSubdomain
            companion
            companionStatus
            hstsMaxAge
            ownershipPolicy {
              targetToken
              txtRequired
            }
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
  const submit = form.onSubmit(({ defaultSubdomain, upstream, hstsMaxAge, companionStatus, ...rest }) =>
    save.run({
      input: {
        id: application.id,
        version: application.version,
        ...rest,
        companionStatus: Number(companionStatus),
        hstsMaxAge: Number(hstsMaxAge),
        ...(defaultSubdomain.trim() ? { defaultSubdomain: defaultSubdomain.trim() } : { clearDefaultSubdomain: true }),
        ...upstreamInput(upstream),
      },
    }),
  );
  return (
    <form onSubmit={submit}>
      <Card
        title={t("apps.tab.settings")}
        foot={
          <Button type="submit" loading={save.pending} disabled={!may}>
            {t("save")}
          </Button>
        }
      >
        <fieldset disabled={!may} className={css.fields}>
          <TextInput {...form.getInputProps("name")} label={t("apps.name")} />
          <TextInput {...form.getInputProps("slug")} label={t("apps.slug")} classNames={{ input: "mono" }} />
          <h3>{t("upstream.title")}</h3>
          <UpstreamFields form={form} />
          <NativeSelect
            {...form.getInputProps("hstsMaxAge")}
            label={t("apps.hsts.label")}
            description={t("apps.hsts.hint")}
            data={[...new Set([...ages, String(application.hstsMaxAge)])].map((value) => ({
              value,
              label: ages.includes(value) ? t(`apps.hsts.age.${value}`) : t("apps.hsts.seconds", { count: Number(value) }),
            }))}
          />
          <h3>{t("apps.names")}</h3>
          <NativeSelect
            {...form.getInputProps("subdomainRule")}
            label={t("apps.subdomainRule")}
            data={rules.map((value) => ({ value, label: t(`apps.subdomain.${value}`) }))}
          />
          <TextInput
            {...form.getInputProps("defaultSubdomain")}
            label={t("apps.defaultSubdomain")}
            placeholder="shop"
            classNames={{ input: "mono" }}
          />
          <Switch
            {...form.getInputProps("wildcards", { type: "checkbox" })}
            label={t("apps.wildcards")}
            description={t("apps.wildcardsHint")}
          />
          <NativeSelect
            {...form.getInputProps("companion")}
            label={t("apps.companion.label")}
            description={t("apps.companion.hint")}
            data={companions.map((value) => ({ value, label: t(`apps.companion.mode.${value}`) }))}
          />
          <NativeSelect
            {...form.getInputProps("companionStatus")}
            label={t("apps.companion.status")}
            data={[
              { value: "308", label: t("apps.companion.keeps") },
              { value: "301", label: t("apps.companion.classic") },
            ]}
          />
          <h3>{t("apps.ownership")}</h3>
          <Switch
            {...form.getInputProps("ownershipPolicy.targetToken", { type: "checkbox" })}
            label={t("apps.targetToken")}
            description={t("apps.targetTokenHint")}
          />
          <Switch
            {...form.getInputProps("ownershipPolicy.txtRequired", { type: "checkbox" })}
            label={t("apps.txtRequired")}
            description={t("apps.txtRequiredHint")}
          />
          {save.failed && <ErrorCard problem={save.failed} fieldsShown />}
        </fieldset>
      </Card>
      <ConflictDialog
        conflict={save.conflict}
        mine={form.values}
        look={() =>
          read<AppSettingsQuery>(query, { id: application.id }, true).then((data) => data.application && valuesOf(data.application))
        }
        onReload={() => {
          forget();
          onReload();
        }}
        onClose={save.clear}
      />
    </form>
  );
}

/** Whether requests to the origin are signed, and the way to a secret. A new one is a new version of the application, which the form above saves over. */
function EdgeSecret({ application }: { application: Application }) {
  const { t } = useTranslation();
  const may = useCan("application.write");
  const [open, setOpen] = useState(false);
  const first = !application.edgeSecretAt;
  return (
    <>
      <Card
        title={t("apps.edgeSecret.title")}
        text={t("apps.edgeSecret.text")}
        actions={
          <Button variant="default" disabled={!may} onClick={() => setOpen(true)}>
            {t(first ? "apps.edgeSecret.create" : "apps.edgeSecret.rotate")}
          </Button>
        }
      >
        {application.edgeSecretAt && (
          <p className="dim">
            {t("apps.edgeSecret.since")} <RelativeTime at={application.edgeSecretAt} />
          </p>
        )}
      </Card>
      <Suspense>{open && <EdgeSecretDialog id={application.id} first={first} onClose={() => setOpen(false)} />}</Suspense>
    </>
  );
}

function Archive({ application, onArchived }: { application: Application; onArchived: () => void }) {
  const { t } = useTranslation();
  const may = useCan("application.archive");
  const [open, setOpen] = useState(false);
  const [everything, setEverything] = useState(false);
  const count = (live: boolean) =>
    application.connectionCounts.reduce(
      (sum, one) => sum + (one.state !== "ARCHIVED" && (!live || one.state === "LIVE") ? one.count : 0),
      0,
    );
  const archive = useAction<AppSettingsArchiveMutation>(
    graphql`
      mutation AppSettingsArchiveMutation($id: ID!, $archiveConnections: Boolean!, $confirmName: String!) {
        archiveApplication(id: $id, archiveConnections: $archiveConnections, confirmName: $confirmName) {
          application {
            id
            version
            archivedAt
          }
          waiting {
            message
            until
          }
        }
      }
    `,
    {
      onDone: ({ archiveApplication }) => {
        setOpen(false);
        toast(archiveApplication.waiting?.message ?? t("apps.archived", { name: application.name }));
        if (archiveApplication.application) onArchived();
      },
    },
  );
  if (!may) return null;
  return (
    <>
      <Card
        danger
        title={t("apps.archiveTitle")}
        text={t("apps.archiveText")}
        actions={
          <Button variant="default" c="var(--np-bad)" onClick={() => setOpen(true)}>
            {t("apps.archiveAction")}
          </Button>
        }
      />
      <Confirm
        opened={open}
        onClose={() => setOpen(false)}
        title={t("apps.archiveTitle")}
        name={application.name}
        action={t("apps.archiveAction")}
        pending={archive.pending}
        onConfirm={() => archive.run({ id: application.id, archiveConnections: everything, confirmName: application.name })}
        failure={archive.failed && <ErrorCard problem={archive.failed} />}
      >
        {t("apps.archiveCount", { count: count(true) })}
        {count(false) > 0 && (
          <Checkbox
            mt="md"
            checked={everything}
            onChange={(event) => setEverything(event.currentTarget.checked)}
            label={t("apps.archiveConnections", { count: count(false) })}
          />
        )}
      </Confirm>
    </>
  );
}
