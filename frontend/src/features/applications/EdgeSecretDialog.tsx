import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { EdgeSecretDialogMutation } from "#/relay/__generated__/EdgeSecretDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { RotateSecret } from "#/ui/RotateSecret.tsx";

/** A secret that the edge signs requests with. */
export default function EdgeSecretDialog({ id, first, onClose }: { id: string; first: boolean; onClose: () => void }) {
  const { t } = useTranslation();
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
    <RotateSecret
      id={id}
      rotate={rotate}
      secret={secret}
      texts="apps.edgeSecret"
      title={t(first && !secret ? "apps.edgeSecret.create" : "apps.edgeSecret.title")}
      intro={t(first ? "apps.edgeSecret.firstText" : "apps.edgeSecret.rotateText")}
      submit={t(first ? "apps.edgeSecret.create" : "apps.edgeSecret.rotate")}
      what={t("apps.edgeSecret.name")}
      first={first}
      onClose={onClose}
    />
  );
}
