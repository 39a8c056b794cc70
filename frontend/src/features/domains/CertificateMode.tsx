import { Button, NativeSelect } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { CertificateMode_connection$key } from "#/relay/__generated__/CertificateMode_connection.graphql.ts";
import type { CertificateModeMutation, ChallengeMode } from "#/relay/__generated__/CertificateModeMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { toast } from "#/ui/toast.ts";
import css from "./domain.module.css";

const ImportDialog = lazy(() => import("./ImportDialog.tsx"));

const modes: ChallengeMode[] = ["HTTP_01", "TLS_ALPN_01", "DNS_01_DELEGATED", "DNS_PERSIST_01"];

/** How certificates are obtained: the proof that authorities are shown, or one of the customer's own. */
export function CertificateMode({ connection }: { connection: CertificateMode_connection$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment CertificateMode_connection on Connection {
        id
        state
        isWildcard
        certificateMode
        certificate {
          id
          imported
        }
      }
    `,
    connection,
  );
  const may = useCan("certificate.write") && data.state !== "ARCHIVED";
  const [importing, setImporting] = useState(false);
  const imported = data.certificate?.imported ?? false;
  const [mode, setMode] = useState<ChallengeMode>(data.certificateMode);
  const change = useAction<CertificateModeMutation>(
    graphql`
      mutation CertificateModeMutation($id: ID!, $mode: ChallengeMode!) {
        setCertificateMode(connectionId: $id, mode: $mode) {
          connection {
            id
            version
            state
            certificateMode
            certificate {
              id
              imported
            }
            records {
              id
            }
          }
        }
      }
    `,
    { onDone: () => toast(t("certificate.obtain.saved")) },
  );
  const offered = data.isWildcard ? modes.filter((one) => one.startsWith("DNS")) : modes;
  return (
    <Card
      title={t("certificate.obtain.title")}
      text={t(imported ? "certificate.obtain.imported" : "certificate.obtain.text")}
      actions={
        may && (
          <Button variant="default" onClick={() => setImporting(true)}>
            {t("certificate.import.action")}
          </Button>
        )
      }
      foot={
        may && (
          <Button
            loading={change.pending}
            disabled={mode === data.certificateMode && !imported}
            onClick={() => void change.run({ id: data.id, mode })}
          >
            {t("save")}
          </Button>
        )
      }
    >
      <div className={css.fields}>
        <NativeSelect
          label={t("certificate.mode")}
          description={t(`certificate.obtain.hint.${mode}`)}
          value={mode}
          disabled={!may}
          onChange={(event) => setMode(event.currentTarget.value as ChallengeMode)}
          data={offered.map((value) => ({ value, label: t(`certificate.modes.${value}`) }))}
        />
        {change.failed && <ErrorCard problem={change.failed} />}
      </div>
      {importing && (
        <Suspense fallback={null}>
          <ImportDialog id={data.id} onClose={() => setImporting(false)} />
        </Suspense>
      )}
    </Card>
  );
}
