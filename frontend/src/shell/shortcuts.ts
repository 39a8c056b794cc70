import { useEffect, useEffectEvent } from "react";

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

const inDialog = () => document.querySelector("#overlays [role=dialog]") !== null;

/** The links of the rows of the page's list, in order. */
const rows = () => [...document.querySelectorAll<HTMLElement>("main [data-row-link]")];

/** Moves over the rows of a list; Enter then opens the link as always. */
function moveRow(by: 1 | -1) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.indexOf(document.activeElement as HTMLElement);
  all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))]?.focus();
}

/** After something vanished from a list: the focus goes to the row that took its place. */
export function focusRow(index: number) {
  requestAnimationFrame(() => {
    const all = rows();
    (all[Math.min(index, all.length - 1)] ?? document.querySelector<HTMLElement>("main h1"))?.focus();
  });
}

/** `c` create, `/` filter, `e` edit: pages mark their element with data-shortcut. */
function press(key: string): boolean {
  const target = document.querySelector<HTMLElement>(`main [data-shortcut="${CSS.escape(key)}"]`);
  if (!target) return false;
  if (target instanceof HTMLInputElement) {
    target.focus();
    target.select();
  } else target.click();
  return true;
}

/** Single keys for the whole console. `go` gets the second key after `g`. */
export function useShortcuts(go: (key: string) => boolean, help: () => void) {
  const onGo = useEffectEvent(go);
  const onHelp = useEffectEvent(help);
  useEffect(() => {
    let leader = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || inDialog()) return;
      const key = event.key;
      if (leader && Date.now() - leader < 1_200) {
        leader = 0;
        if (onGo(key)) event.preventDefault();
        return;
      }
      if (key === "g") leader = Date.now();
      else if (key === "j" || key === "k") moveRow(key === "j" ? 1 : -1);
      else if (key === "?") onHelp();
      else if (key === "c" || key === "/" || key === "e") {
        if (press(key)) event.preventDefault();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
