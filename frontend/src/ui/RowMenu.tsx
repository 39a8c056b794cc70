import { Menu, UnstyledButton } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { above } from "./DataTable.tsx";
import css from "./ui.module.css";

/** What can be done with a row of a table, behind three dots. Children are items of a menu. */
export function RowMenu({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <UnstyledButton data-row-link className={`${above} ${css.rowMenu}`} aria-label={label}>
          <IconDots size={17} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>{children}</Menu.Dropdown>
    </Menu>
  );
}
