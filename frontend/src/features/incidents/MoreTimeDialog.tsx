import { Button, NativeSelect, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useTranslation } from "react-i18next";
import type { MoreTimeDialogMutation } from "#/relay/__generated__/MoreTimeDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { exact } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./incidents.module.css";

const HOUR_MS = 3_600_000;
const MOST_MS = 30 * 24 * HOUR_MS;
const hours = [24, 72, 168, 336];

/** A later end of the grace, with the reason that the audit log keeps. */
export default function MoreTimeDialog({
  id,
  version,
  until,
  onClose,
}: {
  id: string;
  version: number;
  until: string;
  onClose: () => void;
}) {
  const { t, i18n } = useTranslation();
  const from = Math.max(Date.parse(until), Date.now());
  const choices = hours.filter((n) => from + n * HOUR_MS - Date.now() < MOST_MS - HOUR_MS);
  const form = useForm({ initialValues: { graceUntil: String(choices[0] ?? 1), reason: "" } });
  const extend = useAction<MoreTimeDialogMutation>(
    graphql`
      mutation MoreTimeDialogMutation($input: UpdateConnectionInput!) {
        updateConnection(input: $input) {
          connection {
            id
            version
            graceUntil
          }
        }
      }
    `,
    {
      form,
      onDone: () => {
        toast(t("saved"));
        onClose();
      },
    },
  );
  const end = new Date(from + Number(form.values.graceUntil) * HOUR_MS).toISOString();
  return (
    <Dialog opened onClose={onClose} title={t("incidents.moreTime")}>
      <form
        className={css.form}
        onSubmit={form.onSubmit(({ reason }) => void extend.run({ input: { id, version, graceUntil: end, reason } }))}
      >
        <p className="dim">{t("incidents.moreTimeText")}</p>
        <NativeSelect
          {...form.getInputProps("graceUntil")}
          label={t("incidents.longer")}
          description={t("incidents.newEnd", { at: exact(end, i18n.language) })}
          data={choices.map((n) => ({ value: String(n), label: t(`incidents.hours.${n}`) }))}
        />
        <Textarea
          {...form.getInputProps("reason")}
          data-autofocus
          label={t("incidents.reason")}
          description={t("incidents.reasonHint")}
          maxLength={500}
          rows={2}
        />
        {extend.failed && <ErrorCard problem={extend.failed} fieldsShown />}
        {extend.conflict && <p className="dim">{t("incidents.changed")}</p>}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={extend.pending}>
            {t("incidents.moreTime")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
