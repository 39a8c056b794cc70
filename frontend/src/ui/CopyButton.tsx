import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import css from "./ui.module.css";

/** Puts text on the clipboard; where that is refused, selects `fallback` so that Ctrl-C works. */
export async function copyText(text: string, fallback?: Element | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (fallback) getSelection()?.selectAllChildren(fallback);
    return false;
  }
}

/** `what` names the thing for the tooltip and for screen readers: "Copy value". */
export function CopyButton({ text, what, className }: { text: string; what: string; className?: string }) {
  const { t } = useTranslation();
  const [state, setState] = useState<"idle" | "copied" | "refused">("idle");
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const self = useRef<HTMLButtonElement>(null);
  const label = state === "copied" ? t("copy.done", { what }) : state === "refused" ? t("copy.refused") : t("copy.do", { what });
  return (
    <button
      ref={self}
      type="button"
      className={className ? `${css.copy} ${className}` : css.copy}
      data-copied={state === "copied" || undefined}
      data-tip={state === "idle" ? undefined : label}
      aria-label={label}
      title={label}
      onClick={async () => {
        const source = self.current?.closest("[data-copy-source]")?.querySelector("[data-copy-text]");
        setState((await copyText(text, source)) ? "copied" : "refused");
        clearTimeout(timer.current);
        timer.current = setTimeout(() => setState("idle"), 1_600);
      }}
    >
      {state === "copied" ? <IconCheck size={15} /> : <IconCopy size={15} />}
      <span className="sr" aria-live="polite">
        {state === "idle" ? "" : label}
      </span>
    </button>
  );
}
