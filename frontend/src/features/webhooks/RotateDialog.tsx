import { Button, NativeSelect } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { RotateDialogMutation } from "#/relay/__generated__/RotateDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { SecretOnce } from "#/ui/SecretOnce.tsx";
import css from "./webhooks.module.css";

const overlaps = [24, 1, 72, 168, 0];

/** A new signing secret: first how long the one of before counts along, then the secret, once. */
export default function RotateDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const [overlap, setOverlap] = useState(24);
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
    <Dialog opened onClose={onClose} title={t("webhooks.rotate.title")} locked>
      {secret ? (
        <div className={css.form}>
          <SecretOnce secret={secret} what={t("webhooks.secret")} onStored={onClose} />
          <p className="dim">{overlap > 0 ? t("webhooks.rotate.done", { count: overlap }) : t("webhooks.rotate.doneNow")}</p>
        </div>
      ) : (
        <form
          className={css.form}
          onSubmit={(event) => {
            event.preventDefault();
            void rotate.run({ id, overlapHours: overlap });
          }}
        >
          <p className="dim">{t("webhooks.rotate.text")}</p>
          <NativeSelect
            label={t("webhooks.rotate.overlap")}
            description={t(overlap > 0 ? "webhooks.rotate.overlapHint" : "webhooks.rotate.noOverlapHint")}
            value={String(overlap)}
            onChange={(event) => setOverlap(Number(event.currentTarget.value))}
            data={overlaps.map((count) => ({
              value: String(count),
              label: count > 0 ? t("webhooks.rotate.hours", { count }) : t("webhooks.rotate.none"),
            }))}
          />
          {rotate.failed && <ErrorCard problem={rotate.failed} />}
          <DialogFoot>
            <Button variant="default" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button type="submit" loading={rotate.pending} disabled={rotate.wait > 0}>
              {rotate.wait > 0 ? t("wait", { seconds: rotate.wait }) : t("webhooks.rotate.do")}
            </Button>
          </DialogFoot>
        </form>
      )}
    </Dialog>
  );
}
