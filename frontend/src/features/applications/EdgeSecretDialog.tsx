import { Button, NativeSelect } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { EdgeSecretDialogMutation } from "#/relay/__generated__/EdgeSecretDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { SecretOnce } from "#/ui/SecretOnce.tsx";

const overlaps = [24, 1, 72, 168, 0];

/** A secret that the edge signs requests with: first how long the one of before signs along, if there is one, then the secret, once. */
export default function EdgeSecretDialog({ id, first, onClose }: { id: string; first: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const [overlap, setOverlap] = useState(24);
  const [secret, setSecret] = useState<string | null>(null);
  const rotate = useAction<EdgeSecretDialogMutation>(
    graphql`
      mutation EdgeSecretDialogMutation($id: ID!, $overlapHours: Int) {
        rotateEdgeSecret(applicationId: $id, overlapHours: $overlapHours) {
          secret
          application {
            id
            version
            edgeSecretAt
          }
        }
      }
    `,
    { secretOf: "rotateEdgeSecret", onDone: ({ rotateEdgeSecret }) => setSecret(rotateEdgeSecret.secret) },
  );
  return (
    <Dialog opened onClose={onClose} title={t(first && !secret ? "apps.edgeSecret.create" : "apps.edgeSecret.title")} locked>
      {secret ? (
        <div className="stack">
          <SecretOnce secret={secret} what={t("apps.edgeSecret.name")} onStored={onClose} />
        </div>
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            void rotate.run({ id, overlapHours: overlap });
          }}
        >
          <p className="dim">{t(first ? "apps.edgeSecret.firstText" : "apps.edgeSecret.rotateText")}</p>
          {!first && (
            <NativeSelect
              label={t("apps.edgeSecret.overlap")}
              description={t(overlap > 0 ? "apps.edgeSecret.overlapHint" : "apps.edgeSecret.noOverlapHint")}
              value={String(overlap)}
              onChange={(event) => setOverlap(Number(event.currentTarget.value))}
              data={overlaps.map((count) => ({
                value: String(count),
                label: count > 0 ? t("apps.edgeSecret.hours", { count }) : t("apps.edgeSecret.none"),
              }))}
            />
          )}
          {rotate.failed && <ErrorCard problem={rotate.failed} />}
          <DialogFoot>
            <Button variant="default" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button type="submit" loading={rotate.pending} disabled={rotate.wait > 0}>
              {rotate.wait > 0 ? t("wait", { seconds: rotate.wait }) : t(first ? "apps.edgeSecret.create" : "apps.edgeSecret.rotate")}
            </Button>
          </DialogFoot>
        </form>
      )}
    </Dialog>
  );
}
