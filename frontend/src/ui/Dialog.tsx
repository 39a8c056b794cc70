import { Modal } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import css from "./dialog.module.css";

type Props = {
  opened: boolean;
  onClose: () => void;
  title: ReactNode;
  children: ReactNode;
  size?: string | number;
  locked?: boolean;
  kept?: boolean;
};

/** A dialog without a second banner landmark; full screen on a phone. `locked` keeps it open on a click beside it, `kept` until what is in it is done. */
export function Dialog({ opened, onClose, title, children, size = 520, locked, kept }: Props) {
  const { t } = useTranslation();
  const phone = useMediaQuery("(max-width: 640px)");
  return (
    <Modal.Root
      opened={opened}
      onClose={onClose}
      size={size}
      fullScreen={phone}
      closeOnClickOutside={!locked && !kept}
      closeOnEscape={!kept}
      centered={!phone}
      transitionProps={{ transition: "pop", duration: 140 }}
    >
      <Modal.Overlay backgroundOpacity={0.36} blur={1} />
      <Modal.Content radius="lg">
        <div className={css.head}>
          <Modal.Title component="h2" className={css.title}>
            {title}
          </Modal.Title>
          {!kept && <Modal.CloseButton aria-label={t("close")} />}
        </div>
        <div className={css.body}>{children}</div>
      </Modal.Content>
    </Modal.Root>
  );
}

/** The row of buttons at the end of a dialog or a form. */
export function DialogFoot({ children }: { children: ReactNode }) {
  return <div className={css.foot}>{children}</div>;
}
