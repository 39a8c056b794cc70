// Writes src/ui/mantine.css: the styles of exactly those Mantine components that src imports, in the order of Mantine's own bundle.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const styles = join(root, "node_modules/@mantine/core/styles");

function* sources(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (/\.tsx$/.test(name) && !/\.test\.tsx$/.test(name)) yield path;
  }
}

// What a component is made of, and what Mantine needs in any case.
const parts = {
  Modal: ["ModalBase", "CloseButton", "Overlay", "Paper"],
  Drawer: ["ModalBase", "CloseButton", "Overlay", "Paper"],
  Menu: ["Popover"],
  Tooltip: ["Popover"],
  Button: ["Loader"],
  ActionIcon: ["Loader"],
  TextInput: ["Input"],
  Textarea: ["Input"],
  PasswordInput: ["Input", "ActionIcon"],
  NumberInput: ["Input"],
  Select: ["Combobox", "Input", "Popover", "ScrollArea", "CloseButton"],
  MultiSelect: ["Combobox", "Input", "Popover", "ScrollArea", "CloseButton", "Pill", "PillsInput"],
  TagsInput: ["Combobox", "Input", "Popover", "ScrollArea", "CloseButton", "Pill", "PillsInput"],
  Checkbox: ["InlineInput"],
  Switch: ["InlineInput"],
  Radio: ["InlineInput"],
  SegmentedControl: ["FloatingIndicator"],
  Text: [],
};
const always = [
  "ScrollArea",
  "UnstyledButton",
  "VisuallyHidden",
  "Paper",
  "Popover",
  "CloseButton",
  "Group",
  "Loader",
  "Overlay",
  "ModalBase",
  "Input",
  "Notification",
];

export function imported() {
  const names = new Set(always);
  for (const path of sources(join(root, "src"))) {
    for (const [, list] of readFileSync(path, "utf8").matchAll(/import\s*\{([^}]*)\}\s*from\s*"@mantine\/core"/g)) {
      for (const item of list.split(",")) {
        const name = item.trim().replace(/^type\s.*/, "");
        if (!/^[A-Z]/.test(name)) continue;
        for (const one of [name, ...(parts[name] ?? [])]) if (existsSync(join(styles, `${one}.layer.css`))) names.add(one);
      }
    }
  }
  return names;
}

export function sheet() {
  const bundle = readFileSync(join(root, "node_modules/@mantine/core/styles.layer.css"), "utf8");
  const at = (name) => {
    const first = readFileSync(join(styles, `${name}.layer.css`), "utf8").match(/\.(m_[0-9a-z]+)/)?.[1];
    return first ? bundle.indexOf(first) : 0;
  };
  const ordered = [...imported()].sort((a, b) => at(a) - at(b));
  const lines = ["baseline", "default-css-variables", "global", ...ordered].map(
    (name) => `@import "@mantine/core/styles/${name}.layer.css";`,
  );
  return `/* Written by build/mantine-css.mjs; a unit test compares it with what src imports. */\n${lines.join("\n")}\n@import "@mantine/notifications/styles.layer.css";\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(join(root, "src/ui/mantine.css"), sheet());
