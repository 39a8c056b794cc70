import { Button, Checkbox, FileButton, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useTranslation } from "react-i18next";
import type { ImportDialogMutation } from "#/relay/__generated__/ImportDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./domain.module.css";

const most = 64 * 1024;

/** A certificate of the customer's own, pasted or from files. The key is in the page for as long as the dialog is open, and nowhere else. */
export default function ImportDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t, i18n } = useTranslation();
  const form = useForm({ initialValues: { chainPem: "", keyPem: "", caaIdentity: "", keepAcmeFallback: true } });
  const bring = useAction<ImportDialogMutation>(
    graphql`
      mutation ImportDialogMutation($input: ImportCertificateInput!, $locale: String) {
        importCertificate(input: $input) {
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
      form,
      onDone: () => {
        form.reset();
        toast(t("certificate.import.done"));
        onClose();
      },
    },
  );
  const load = (field: "chainPem" | "keyPem") => (file: File | null) => {
    if (!file) return;
    if (file.size > most) form.setFieldError(field, t("certificate.import.tooLarge"));
    else void file.text().then((text) => form.setFieldValue(field, text));
  };
  const area = (field: "chainPem" | "keyPem", label: string) => (
    <Textarea
      label={
        <span className={css.pem}>
          {label}
          <FileButton onChange={load(field)} accept=".pem,.crt,.cer,.key,.txt">
            {(props) => (
              <Button {...props} variant="subtle" size="compact-sm">
                {t("certificate.import.file")}
              </Button>
            )}
          </FileButton>
        </span>
      }
      {...form.getInputProps(field)}
      aria-label={label}
      required
      withAsterisk={false}
      autosize
      minRows={4}
      maxRows={8}
      spellCheck={false}
      autoComplete="off"
      placeholder={field === "chainPem" ? "-----BEGIN CERTIFICATE-----" : "-----BEGIN PRIVATE KEY-----"}
      classNames={{ input: "mono" }}
    />
  );
  return (
    <Dialog opened onClose={onClose} title={t("certificate.import.title")} size={640} locked>
      <form
        className={css.fields}
        onSubmit={form.onSubmit(
          ({ caaIdentity, ...values }) =>
            void bring.run({ input: { connectionId: id, ...values, caaIdentity: caaIdentity.trim() || null }, locale: i18n.language }),
        )}
      >
        <p className="dim">{t("certificate.import.text")}</p>
        {area("chainPem", t("certificate.import.chain"))}
        {area("keyPem", t("certificate.import.key"))}
        <TextInput
          label={t("certificate.import.ca")}
          description={t("certificate.import.caHint")}
          placeholder="ca.example.net"
          {...form.getInputProps("caaIdentity")}
          classNames={{ input: "mono" }}
        />
        <Checkbox
          label={t("certificate.import.fallback")}
          description={t("certificate.import.fallbackHint")}
          {...form.getInputProps("keepAcmeFallback", { type: "checkbox" })}
        />
        {bring.failed && <ErrorCard problem={bring.failed} fieldsShown />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={bring.pending}>
            {t("certificate.import.do")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
