import { CopyButton } from "./CopyButton.tsx";
import css from "./ui.module.css";

/** Text to paste, or to read as it is. */
export function Code({ text, title, what }: { text: string; title?: string; what: string }) {
  return (
    <div className={css.code} data-copy-source>
      {title && <div className={css.codeTitle}>{title}</div>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard */}
      <pre data-copy-text tabIndex={0} dir="ltr" translate="no">
        {text}
      </pre>
      <CopyButton text={text} what={what} className={css.codeCopy} />
    </div>
  );
}

export const pretty = (value: unknown) => JSON.stringify(value, null, 2) ?? "";
