import { Anchor, Button, Checkbox, Switch, Textarea, TextInput } from "@mantine/core";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type {
  OrganizationSettings_query$data,
  OrganizationSettings_query$key,
} from "#/relay/__generated__/OrganizationSettings_query.graphql.ts";
import type { OrganizationSettingsMfaMutation } from "#/relay/__generated__/OrganizationSettingsMfaMutation.graphql.ts";
import type { OrganizationSettingsNowQuery } from "#/relay/__generated__/OrganizationSettingsNowQuery.graphql.ts";
import type { OrganizationSettingsSaveMutation } from "#/relay/__generated__/OrganizationSettingsSaveMutation.graphql.ts";
import { graphql, read, useAction, useFragment } from "#/relay/index.ts";
import { ConflictDialog } from "#/ui/ConflictDialog.tsx";
import { useDraftForm } from "#/ui/draft.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { toast } from "#/ui/toast.ts";
import { roles } from "../members/roles.ts";
import css from "./organization.module.css";

const DeleteDialog = lazy(() => import("./DeleteDialog.tsx"));

const fragment = graphql`
  fragment OrganizationSettings_query on Query {
    organization(id: $organizationId) {
      id
      version
      name
      slug
      ownership
      emailDomains
      hideMemberEmails
      mfaPolicy {
        required
        requiredForRoles
        phishingResistantOnly
        oobAllowed
      }
    }
  }
`;

const now = graphql`
  query OrganizationSettingsNowQuery($organizationId: ID!) {
    ...OrganizationSettings_query @relay(mask: false)
  }
`;

type Organization = NonNullable<OrganizationSettings_query$data["organization"]>;
type Props = { query: OrganizationSettings_query$key; onSaved: (slug: string) => void; children?: ReactNode };

/** What an organization is called, who may join, which factors it asks for, what else the page has to set, and how it ends. */
export function OrganizationSettings({ query, onSaved, children }: Props) {
  const { organization } = useFragment(fragment, query);
  const [round, setRound] = useState(0);
  if (!organization) return null;
  return (
    <div className={css.stack}>
      <Details key={`${organization.id}:${round}`} organization={organization} onSaved={onSaved} onReload={() => setRound(round + 1)} />
      <Factors organization={organization} />
      {children}
      <Danger organization={organization} />
    </div>
  );
}

const valuesOf = (organization: Organization) => ({
  name: organization.name,
  slug: organization.slug,
  emailDomains: organization.emailDomains.join("\n"),
  hideMemberEmails: organization.hideMemberEmails,
});

function Details({
  organization,
  onSaved,
  onReload,
}: {
  organization: Organization;
  onSaved: (slug: string) => void;
  onReload: () => void;
}) {
  const { t } = useTranslation();
  const may = useCan("organization.update");
  const [base, setBase] = useState(organization.version);
  const [form, forget] = useDraftForm(`organization:${organization.id}:${base}`, { initialValues: valuesOf(organization) });
  const save = useAction<OrganizationSettingsSaveMutation>(
    graphql`
      mutation OrganizationSettingsSaveMutation($id: ID!, $input: UpdateOrganizationInput!) {
        updateOrganization(id: $id, input: $input) {
          id
          version
          name
          slug
          emailDomains
          hideMemberEmails
        }
      }
    `,
    {
      form,
      onDone: ({ updateOrganization }) => {
        forget();
        setBase(updateOrganization.version);
        form.setValues({ ...form.getValues(), name: updateOrganization.name, emailDomains: updateOrganization.emailDomains.join("\n") });
        toast(t("saved"));
        onSaved(updateOrganization.slug);
      },
    },
  );
  const free = save.failed?.faults.find((fault) => fault.reason === "slug_taken")?.free;
  const wrongDomain = Object.entries(form.errors).find(([field]) => field.startsWith("emailDomains"))?.[1];
  const submit = form.onSubmit(({ name, slug, emailDomains, hideMemberEmails }) =>
    save.run({
      id: organization.id,
      input: {
        version: base,
        name: name.trim(),
        slug: slug.trim().toLowerCase(),
        emailDomains: emailDomains.split(/[\s,;]+/).filter(Boolean),
        hideMemberEmails,
      },
    }),
  );
  return (
    <form onSubmit={submit}>
      <Card
        title={t("settings.details")}
        foot={
          may && (
            <Button type="submit" loading={save.pending} disabled={save.wait > 0}>
              {save.wait > 0 ? t("wait", { seconds: save.wait }) : t("save")}
            </Button>
          )
        }
      >
        <fieldset disabled={!may} className={css.fields}>
          {!may && <p className="dim">{t("settings.readOnly")}</p>}
          <TextInput {...form.getInputProps("name")} label={t("settings.name")} maxLength={100} />
          <TextInput
            {...form.getInputProps("slug")}
            label={t("settings.slug")}
            description={t("settings.slugHint", { address: `${location.host}/${form.values.slug}` })}
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
          {organization.ownership === "SHARED" && (
            <>
              <Textarea
                {...form.getInputProps("emailDomains")}
                error={wrongDomain}
                label={t("settings.domains")}
                description={t("settings.domainsHint")}
                placeholder="example.com"
                autosize
                minRows={2}
                classNames={{ input: "mono" }}
                spellCheck={false}
              />
              <Switch
                {...form.getInputProps("hideMemberEmails", { type: "checkbox" })}
                label={t("settings.hide")}
                description={t("settings.hideHint")}
              />
            </>
          )}
          {save.failed && <ErrorCard problem={save.failed} fieldsShown />}
        </fieldset>
      </Card>
      <ConflictDialog
        conflict={save.conflict}
        mine={form.values}
        look={() =>
          read<OrganizationSettingsNowQuery>(now, { organizationId: organization.id }, true).then(
            (data) => data.organization && valuesOf(data.organization as Organization),
          )
        }
        onReload={() => {
          forget();
          save.clear();
          onReload();
        }}
        onClose={save.clear}
      />
    </form>
  );
}

/** Which second factors members need. The server asks for a proof, and the change runs by itself after it. */
function Factors({ organization }: { organization: Organization }) {
  const { t } = useTranslation();
  const may = useCan("organization.secure");
  const { mfaPolicy } = organization;
  const [required, setRequired] = useState(mfaPolicy.required);
  const [forRoles, setForRoles] = useState<readonly string[]>(mfaPolicy.requiredForRoles);
  const [phishing, setPhishing] = useState(mfaPolicy.phishingResistantOnly);
  const [oob, setOob] = useState(mfaPolicy.oobAllowed);
  const save = useAction<OrganizationSettingsMfaMutation>(
    graphql`
      mutation OrganizationSettingsMfaMutation($organizationId: ID!, $input: MfaPolicyInput!) {
        setMfaPolicy(organizationId: $organizationId, input: $input) {
          id
          version
          mfaPolicy {
            required
            requiredForRoles
            phishingResistantOnly
            oobAllowed
          }
        }
      }
    `,
    { onDone: () => toast(t("saved")) },
  );
  if (!may) return null;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save.run({
          organizationId: organization.id,
          input: {
            required,
            requiredForRoles: required ? [] : roles.filter((role) => forRoles.includes(role)),
            phishingResistantOnly: phishing,
            oobAllowed: oob && !phishing,
          },
        });
      }}
    >
      <Card
        title={t("settings.mfa.title")}
        text={t("settings.mfa.text")}
        foot={
          <Button type="submit" loading={save.pending}>
            {t("save")}
          </Button>
        }
      >
        <div className={css.fields}>
          <Switch
            checked={required}
            onChange={(event) => setRequired(event.currentTarget.checked)}
            label={t("settings.mfa.required")}
            description={t("settings.mfa.requiredHint")}
          />
          {!required && (
            <Checkbox.Group value={[...forRoles]} onChange={setForRoles} label={t("settings.mfa.roles")}>
              <div className={css.choices}>
                {roles.map((role) => (
                  <Checkbox key={role} value={role} label={t(`role.${role}`)} />
                ))}
              </div>
            </Checkbox.Group>
          )}
          <Switch
            checked={phishing}
            onChange={(event) => setPhishing(event.currentTarget.checked)}
            label={t("settings.mfa.phishing")}
            description={t("settings.mfa.phishingHint")}
          />
          <Switch
            checked={oob && !phishing}
            disabled={phishing}
            onChange={(event) => setOob(event.currentTarget.checked)}
            label={t("settings.mfa.oob")}
            description={t("settings.mfa.oobHint")}
          />
          {save.failed && <ErrorCard problem={save.failed} />}
        </div>
      </Card>
    </form>
  );
}

function Danger({ organization }: { organization: Organization }) {
  const { t } = useTranslation();
  const may = useCan("organization.delete");
  const [open, setOpen] = useState(false);
  if (!may || organization.ownership !== "SHARED") return null;
  return (
    <>
      <Card
        danger
        title={t("settings.delete.title")}
        text={t("settings.delete.text")}
        actions={
          <Button variant="default" c="var(--np-bad)" onClick={() => setOpen(true)}>
            {t("settings.delete.action")}
          </Button>
        }
      />
      {open && (
        <Suspense>
          <DeleteDialog organization={organization} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  );
}
