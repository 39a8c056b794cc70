import { Menu } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { labelOf, type NavEntry } from "./nav.ts";

/** The pages that do not fit into the bottom bar. */
export default function MoreMenu({
  entries,
  onGo,
  target,
  pressed,
}: {
  entries: NavEntry[];
  onGo: (entry: NavEntry) => void;
  target: ReactElement;
  pressed: boolean;
}) {
  const { t } = useTranslation();
  return (
    <Menu position="top-end" width={220} defaultOpened={pressed}>
      <Menu.Target>{target}</Menu.Target>
      <Menu.Dropdown>
        {entries.map((entry) => (
          <Menu.Item key={entry.key} leftSection={<entry.icon size={17} />} onClick={() => onGo(entry)}>
            {labelOf(t, entry)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
