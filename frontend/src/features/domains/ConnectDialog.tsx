import { Button, Checkbox, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ConnectDialogStartMutation } from "#/relay/__generated__/ConnectDialogStartMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Analysis, looksComplete, type Offer } from "./Analysis.tsx";
import { useApplications } from "./ApplicationSelect.tsx";

type Props = { organization: { id: string; slug: string }; applicationId?: string; onClose: () => void };

/** A name is typed, looked at while it is typed, and connected with one press. */
export default function ConnectDialog(props: Props) {
  const { t } = useTranslation();
  return (
    <Dialog opened onClose={props.onClose} title={t("nav.connect")} size={560}>
      <Suspense fallback={<div style={{ height: 220 }} aria-busy="true" />}>
        <Form {...props} />
      </Suspense>
    </Dialog>
  );
}

function Form({ organization, applicationId, onClose }: Props) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const applications = useApplications(organization.id);
  const [application, setApplication] = useState(applicationId ?? applications[0]?.id ?? "");
  const [hostname, setHostname] = useState("");
  const [looked] = useDebouncedValue(hostname.trim(), 400);
  const [offer, setOffer] = useState<Offer | null>(null);
  const [along, setAlong] = useState<boolean | null>(null);
  const [fields, setFields] = useState<Record<string, string>>({});
  const start = useAction<ConnectDialogStartMutation>(
    graphql`
      mutation ConnectDialogStartMutation($input: StartConnectionInput!) {
        startConnection(input: $input) {
          created
          connection {
            id
          }
          quota {
            metric
            used
            limit
          }
        }
      }
    `,
    { form: { setErrors: setFields } },
  );

  if (applications.length === 0) {
    return (
      <>
        <p className="dim">{t("connect.noApplication")}</p>
        <DialogFoot>
          <Button component={Link} to={`/${organization.slug}/apps`}>
            {t("nav.apps")}
          </Button>
        </DialogFoot>
      </>
    );
  }

  const open = (id: string) => void navigate({ to: "/$org/domains/$id", params: { org: organization.slug, id } });
  async function submit(event: FormEvent) {
    event.preventDefault();
    const companion = offer ? { companion: (along ?? offer.chosen) ? offer.mode : ("NONE" as const) } : {};
    const data = await start.run({ input: { applicationId: application, hostname: hostname.trim(), ...companion } });
    if (data) open(data.startConnection.connection.id);
  }

  return (
    <form onSubmit={submit}>
      {applications.length > 1 && (
        <Select
          label={t("domains.column.application")}
          value={application}
          data={applications.map(({ id, name }) => ({ value: id, label: name }))}
          onChange={(id) => setApplication(id ?? "")}
          error={fields.applicationId}
          mb="md"
        />
      )}
      <TextInput
        label={t("connect.hostname")}
        description={t("connect.hint")}
        placeholder="shop.example.com"
        value={hostname}
        onChange={(event) => {
          setHostname(event.currentTarget.value);
          setFields({});
        }}
        error={fields.hostname}
        classNames={{ input: "mono" }}
        size="md"
        autoFocus
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        inputMode="url"
      />
      {looksComplete(looked) && (
        <Analysis
          key={`${application} ${looked}`}
          hostname={looked}
          applicationId={application}
          onChoose={setHostname}
          onCompanion={setOffer}
          onOpen={open}
        />
      )}
      {offer && (
        <Checkbox
          mt="md"
          checked={along ?? offer.chosen}
          onChange={(event) => setAlong(event.currentTarget.checked)}
          label={t("connect.companion", { name: offer.hostname })}
          error={fields.companion}
        />
      )}
      {start.failed && !fields.hostname && !fields.companion && (
        <div style={{ marginTop: 16 }}>
          <ErrorCard problem={start.failed} fieldsShown />
        </div>
      )}
      <DialogFoot>
        <Button variant="default" onClick={onClose}>
          {t("cancel")}
        </Button>
        <Button type="submit" loading={start.pending} disabled={!hostname.trim() || start.wait > 0}>
          {start.wait > 0 ? t("wait", { seconds: start.wait }) : t("connect.action")}
        </Button>
      </DialogFoot>
    </form>
  );
}
