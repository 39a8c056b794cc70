import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { RotateDialogMutation } from "#/relay/__generated__/RotateDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { RotateSecret } from "#/ui/RotateSecret.tsx";

/** A new signing secret of an endpoint. */
export default function RotateDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const [secret, setSecret] = useState<string | null>(null);
  const rotate = useAction<RotateDialogMutation>(
    graphql`
      mutation RotateDialogMutation($id: ID!, $overlapHours: Int) {
        rotateWebhookSecret(id: $id, overlapHours: $overlapHours) {
          secret
          endpoint {
            id
            ...EndpointPage_endpoint
          }
        }
      }
    `,
    { secretOf: "rotateWebhookSecret", onDone: ({ rotateWebhookSecret }) => setSecret(rotateWebhookSecret.secret ?? null) },
  );
  return (
    <RotateSecret
      id={id}
      rotate={rotate}
      secret={secret}
      texts="webhooks.rotate"
      title={t("webhooks.rotate.title")}
      intro={t("webhooks.rotate.text")}
      submit={t("webhooks.rotate.do")}
      what={t("webhooks.secret")}
      done={(count) => (count > 0 ? t("webhooks.rotate.done", { count }) : t("webhooks.rotate.doneNow"))}
      onClose={onClose}
    />
  );
}
