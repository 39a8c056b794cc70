import { Button, Textarea } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import type { RequestFailed } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";

type Props = {
  title: string;
  children: ReactNode;
  action: string;
  danger?: boolean;
  /** Without one the change is refused. */
  needed?: boolean;
  label?: string;
  pending: boolean;
  failed: RequestFailed | null;
  onClose: () => void;
  onConfirm: (reason: string) => void;
};

/** What an operator does to somebody takes a sentence why: the second operator and the audit log read it. */
export function ReasonDialog({ title, children, action, danger, needed = true, label, pending, failed, onClose, onConfirm }: Props) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  return (
    <Dialog opened onClose={onClose} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onConfirm(reason.trim());
        }}
      >
        <div className="dim">{children}</div>
        <Textarea
          mt="md"
          label={label ?? t("operate.reason")}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          maxLength={500}
          autosize
          minRows={2}
          required={needed}
          withAsterisk={false}
          data-autofocus
        />
        {failed && (
          <div style={{ marginTop: 16 }}>
            <ErrorCard problem={failed} />
          </div>
        )}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" color={danger ? "red.9" : undefined} loading={pending} disabled={needed && reason.trim() === ""}>
            {action}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
