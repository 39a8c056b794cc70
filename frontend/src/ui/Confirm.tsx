import { Button, TextInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog, DialogFoot } from "./Dialog.tsx";

type Props = {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What will happen, in numbers. */
  children: ReactNode;
  /** What has to be typed. Without it one press is enough. */
  name?: string;
  action: string;
  pending?: boolean;
  onConfirm: () => void;
  failure?: ReactNode;
};

/** A dangerous act: says what will happen and, where a name is given, lets the person type it. */
export function Confirm({ opened, onClose, title, children, name, action, pending, onConfirm, failure }: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const ready = !name || typed.trim() === name;
  const close = () => {
    setTyped("");
    onClose();
  };
  return (
    <Dialog opened={opened} onClose={close} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) onConfirm();
        }}
      >
        <div className="dim">{children}</div>
        {name && (
          <TextInput
            mt="md"
            data-autofocus
            label={t("confirm.type", { name })}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            classNames={{ input: "mono" }}
          />
        )}
        {failure && <div style={{ marginTop: 16 }}>{failure}</div>}
        <DialogFoot>
          <Button variant="default" onClick={close}>
            {t("cancel")}
          </Button>
          <Button type="submit" color="red.9" disabled={!ready} loading={pending}>
            {action}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
