import { Button } from "@mantine/core";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { EnableDialogMutation } from "#/relay/__generated__/EnableDialogMutation.graphql.ts";
import type { EnableDialogQuery } from "#/relay/__generated__/EnableDialogQuery.graphql.ts";
import { graphql, useAction, useLazyLoadQuery } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./webhooks.module.css";

type Props = { id: string; onClose: () => void; onStarted: (at: string) => void };

/** Enables an endpoint, and offers what it missed meanwhile. */
export default function EnableDialog(props: Props) {
  const { t } = useTranslation();
  return (
    <Dialog opened onClose={props.onClose} title={t("webhooks.resume.title")}>
      <Suspense fallback={<div style={{ height: 120 }} aria-busy="true" />}>
        <Question {...props} />
      </Suspense>
    </Dialog>
  );
}

function Question({ id, onClose, onStarted }: Props) {
  const { t } = useTranslation();
  const { webhookEndpoint: endpoint } = useLazyLoadQuery<EnableDialogQuery>(
    graphql`
      query EnableDialogQuery($id: ID!) {
        webhookEndpoint(id: $id) {
          id
          version
          missed
        }
      }
    `,
    { id },
    { fetchPolicy: "network-only" },
  );
  const enable = useAction<EnableDialogMutation>(
    graphql`
      mutation EnableDialogMutation($input: UpdateWebhookEndpointInput!) {
        updateWebhookEndpoint(input: $input) {
          endpoint {
            id
            ...EndpointPage_endpoint
          }
          replay {
            at
          }
        }
      }
    `,
    {
      onDone: ({ updateWebhookEndpoint: { replay } }) => {
        if (replay) onStarted(replay.at);
        onClose();
      },
    },
  );
  if (!endpoint) return <p className="dim">{t("notFound.text")}</p>;
  const run = (replayMissed: boolean) => void enable.run({ input: { id, version: endpoint.version, status: "ENABLED", replayMissed } });
  return (
    <div className={css.form}>
      <p>{endpoint.missed > 0 ? t("webhooks.resume.missed", { count: endpoint.missed }) : t("webhooks.resume.nothing")}</p>
      {enable.failed && <ErrorCard problem={enable.failed} />}
      {enable.conflict && <ErrorCard problem={{ faults: [enable.conflict.fault] }} onRetry={enable.conflict.overwrite} />}
      <DialogFoot>
        <Button variant="default" onClick={onClose}>
          {t("cancel")}
        </Button>
        <Button variant={endpoint.missed > 0 ? "default" : "filled"} loading={enable.pending} onClick={() => run(false)}>
          {t(endpoint.missed > 0 ? "webhooks.resume.without" : "webhooks.enable")}
        </Button>
        {endpoint.missed > 0 && (
          <Button loading={enable.pending} onClick={() => run(true)} data-autofocus>
            {t("webhooks.resume.with")}
          </Button>
        )}
      </DialogFoot>
    </div>
  );
}
