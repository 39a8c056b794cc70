import { Button, NativeSelect } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Revoke_connection$key } from "#/relay/__generated__/Revoke_connection.graphql.ts";
import type { RevocationReason, RevokeMutation } from "#/relay/__generated__/RevokeMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { toast } from "#/ui/toast.ts";

const reasons: RevocationReason[] = ["KEY_COMPROMISE", "SUPERSEDED", "CESSATION_OF_OPERATION", "AFFILIATION_CHANGED", "UNSPECIFIED"];

/** Takes the certificate that is presented out of use for good. Absent where there is none of ours. */
export function Revoke({ connection }: { connection: Revoke_connection$key }) {
  const { t, i18n } = useTranslation();
  const { id, hostname, certificate } = useFragment(
    graphql`
      fragment Revoke_connection on Connection {
        id
        hostname
        certificate {
          id
          status
          imported
          serial
        }
      }
    `,
    connection,
  );
  const may = useCan("certificate.write");
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState<RevocationReason>("KEY_COMPROMISE");
  const revoke = useAction<RevokeMutation>(
    graphql`
      mutation RevokeMutation($id: ID!, $reason: RevocationReason!, $locale: String) {
        revokeCertificate(id: $id, reason: $reason) {
          certificate {
            id
          }
          connection {
            id
            version
            ...Certificate_connection
          }
        }
      }
    `,
    {
      onDone: () => {
        setOpen(false);
        toast(t("certificate.revoke.done"));
      },
    },
  );
  if (!may || !certificate?.serial || certificate.imported || certificate.status === "REVOKED" || certificate.status === "EXPIRED")
    return null;
  return (
    <>
      <Card
        danger
        title={t("certificate.revoke.title")}
        text={t("certificate.revoke.text")}
        actions={
          <Button variant="default" c="var(--np-bad)" onClick={() => setOpen(true)}>
            {t("certificate.revoke.action")}
          </Button>
        }
      />
      <Confirm
        key={id}
        opened={open}
        onClose={() => setOpen(false)}
        title={t("certificate.revoke.title")}
        name={hostname}
        action={t("certificate.revoke.action")}
        pending={revoke.pending}
        onConfirm={() => void revoke.run({ id: certificate.id, reason, locale: i18n.language })}
        failure={revoke.failed && <ErrorCard problem={revoke.failed} />}
      >
        {t("certificate.revoke.gap", { name: hostname })}
        <NativeSelect
          mt="md"
          label={t("certificate.revoke.reason")}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value as RevocationReason)}
          data={reasons.map((value) => ({ value, label: t(`certificate.revoke.reasons.${value}`) }))}
        />
      </Confirm>
    </>
  );
}
