import { Button, Radio, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ExportDialogMutation, ExportFormat } from "#/relay/__generated__/ExportDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { exact } from "#/ui/RelativeTime.tsx";
import { type AuditSearch, filtered, filterOf } from "./search.ts";

type Props = { organizationId: string; search: AuditSearch; onClose: () => void };

/** Asks for the form of the file, then gives the link. What the list is narrowed to narrows the file. */
export default function ExportDialog({ organizationId, search, onClose }: Props) {
  const { t, i18n } = useTranslation();
  const [format, setFormat] = useState<ExportFormat>("CSV");
  const [link, setLink] = useState<{ url: string; expiresAt: string } | null>(null);
  const make = useAction<ExportDialogMutation>(
    graphql`
      mutation ExportDialogMutation($filter: AuditFilter!, $format: ExportFormat!) {
        exportAudits(filter: $filter, format: $format) {
          id
          url
          expiresAt
        }
      }
    `,
    {
      onDone: ({ exportAudits: { url, expiresAt } }) => {
        if (url && expiresAt) setLink({ url, expiresAt });
      },
    },
  );
  return (
    <Dialog opened onClose={onClose} title={t("audit.export.title")}>
      {link ? (
        <>
          <Text>{t("audit.export.ready", { until: exact(link.expiresAt, i18n.language) })}</Text>
          <DialogFoot>
            <Button variant="default" onClick={onClose}>
              {t("close")}
            </Button>
            <Button component="a" href={new URL(link.url).pathname} download leftSection={<IconDownload size={16} />} data-autofocus>
              {t("audit.export.download")}
            </Button>
          </DialogFoot>
        </>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void make.run({ filter: filterOf(organizationId, search), format });
          }}
        >
          <Text c="dimmed" mb="md">
            {t(filtered(search) ? "audit.export.narrowed" : "audit.export.text")}
          </Text>
          <Radio.Group label={t("audit.export.format")} value={format} onChange={(value) => setFormat(value as ExportFormat)}>
            <Radio mt="xs" value="CSV" label={t("audit.export.CSV")} />
            <Radio mt="xs" value="JSONL" label={t("audit.export.JSONL")} />
          </Radio.Group>
          {make.failed && (
            <div style={{ marginTop: 16 }}>
              <ErrorCard problem={make.failed} />
            </div>
          )}
          <DialogFoot>
            <Button variant="default" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button type="submit" loading={make.pending}>
              {t("audit.export.make")}
            </Button>
          </DialogFoot>
        </form>
      )}
    </Dialog>
  );
}
