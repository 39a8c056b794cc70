import { Button, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AcknowledgeDialogMutation } from "#/relay/__generated__/AcknowledgeDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./incidents.module.css";

/** Says that somebody sees to an incident: reminders end, the clock goes on. */
export default function AcknowledgeDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation();
  const [note, setNote] = useState("");
  const acknowledge = useAction<AcknowledgeDialogMutation>(
    graphql`
      mutation AcknowledgeDialogMutation($id: ID!, $note: String) {
        acknowledgeIncident(id: $id, note: $note) {
          id
          ...Acknowledge_incident
        }
      }
    `,
    {
      onDone: () => {
        toast(t("incidents.acknowledged"));
        onClose();
      },
    },
  );
  return (
    <Dialog opened onClose={onClose} title={t("incidents.acknowledge")}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          void acknowledge.run({ id, note: note.trim() || null });
        }}
      >
        <p className="dim">{t("incidents.acknowledgeText")}</p>
        <Textarea
          data-autofocus
          label={t("incidents.note")}
          description={t("incidents.noteHint")}
          maxLength={500}
          rows={3}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        {acknowledge.failed && <ErrorCard problem={acknowledge.failed} />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={acknowledge.pending}>
            {t("incidents.acknowledge")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
