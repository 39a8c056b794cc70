import type { Explain } from "../documents";
import { Icon, useUi } from "../ui";
import { type DetailKey, tell } from "./words";

/** How bad a finding is. */
export function Severity({ severity }: { severity: string }) {
  const { language } = useUi();
  const bad = severity === "BLOCKING";
  return (
    <span class={`status ${bad ? "bad" : ""}`}>
      <Icon name={severity === "INFO" ? "dot" : "alert"} />
      {tell(language, `severity.${severity}` as DetailKey)}
    </span>
  );
}

/** Who can act, where nobody else was named, and how long it takes then. */
export function Patience({ explain }: { explain: Explain }) {
  const { language } = useUi();
  return (
    <p class="muted patience">
      {explain.who === "CUSTOMER" && `${tell(language, "who.CUSTOMER")} `}
      {tell(language, `takes.${explain.takes}` as DetailKey)}
    </p>
  );
}
