import { Kbd } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Dialog } from "#/ui/Dialog.tsx";
import { Facts } from "#/ui/Page.tsx";
import { labelOf, type NavEntry } from "./nav.ts";

/** Every key that does something. */
export default function Help({ onClose, entries }: { onClose: () => void; entries: NavEntry[] }) {
  const { t } = useTranslation();
  const keys = (...all: string[]) =>
    all.map((key) => (
      <Kbd key={key} me={4}>
        {key}
      </Kbd>
    ));
  return (
    <Dialog opened onClose={onClose} title={t("help.title")} size={440}>
      <Facts
        rows={[
          [t("help.search"), keys("Ctrl", "K")],
          ...entries.map((entry) => [labelOf(t, entry), keys("g", entry.shortcut)] as const),
          [t("help.rows"), keys("j", "k", "Enter")],
          [t("help.create"), keys("c")],
          [t("help.filter"), keys("/")],
          [t("help.edit"), keys("e")],
          [t("help.this"), keys("?")],
        ]}
      />
    </Dialog>
  );
}
