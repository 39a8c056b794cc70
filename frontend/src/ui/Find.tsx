import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useState } from "react";

const PATIENCE_MS = 250;

type Props = {
  label: string;
  value: string | undefined;
  onFind: (text: string | undefined) => void;
  maxLength?: number;
  size?: "xs";
  className?: string;
};

/** What a list is narrowed by; the server is asked when the typing pauses. `/` leads here. */
export function Find({ label, value = "", onFind, maxLength = 100, size, className }: Props) {
  const [text, setText] = useState(value);
  const find = useDebouncedCallback((typed: string) => onFind(typed.trim() || undefined), PATIENCE_MS);
  useEffect(() => setText(value), [value]);
  return (
    <TextInput
      type="search"
      size={size}
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={15} />}
      value={text}
      maxLength={maxLength}
      onChange={(event) => {
        setText(event.currentTarget.value);
        find(event.currentTarget.value);
      }}
      className={className}
      data-shortcut="/"
    />
  );
}
