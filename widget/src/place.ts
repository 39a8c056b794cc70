import type { Connection, DomainCheck, Finding } from "./documents";
import type { Screen, State } from "./state";

/** The screen that shows a connection as it stands. */
export function place(s: Pick<State, "view" | "added" | "witnessed">, c: Connection): Screen {
  switch (c.state) {
    case "DRAFT":
    case "ANALYZING":
      return "analysis";
    case "ACTION_REQUIRED":
      if (s.view === "manual") return "manual";
      return trouble(c).length > 0 ? "problem" : "manual";
    case "VERIFYING":
      return s.view ?? (s.added || allSeen(c) ? "progress" : "manual");
    case "APPLYING":
    case "SECURING":
      return s.view ?? "progress";
    case "LIVE":
      if (s.view === "manual") return "manual";
      return s.witnessed ? "success" : "already";
    default:
      return "problem";
  }
}

const waiting = new Set(["record_absent", "record_partial", "ownership_unproven"]);

/** What stands beside the records: findings that no record card and no conflict card shows. */
export function asides(c: Connection): readonly Finding[] {
  const shown = new Set([...c.records.map((record) => record.finding?.code), ...c.conflicts.map((conflict) => conflict.kind)]);
  return c.findings.filter((f) => f.severity !== "INFO" && !waiting.has(f.code) && !shown.has(f.code));
}

/** Those of them that stop everything. */
export const trouble = (c: Connection) => asides(c).filter((f) => f.severity === "BLOCKING");

/** Every record that has to be there is seen by somebody. */
function allSeen(c: Connection): boolean {
  const required = c.records.filter((record) => record.requirement === "REQUIRED");
  return required.length > 0 && required.every((record) => record.status !== "PENDING" && record.status !== "SHADOWED_BY_WILDCARD");
}

/** Findings that no record of ours can answer: there is nothing to add anywhere until they are gone. */
const dead = new Set(
  "not_registered registration_hold lame_delegation no_ns_address all_ns_unreachable delegation_loop apex_unsupported policy_blocked hostname_blocked plan_limit".split(
    " ",
  ),
);

export const deadEnd = (finding: Finding) => finding.severity === "BLOCKING" && dead.has(finding.code);
export const stops = (check: DomainCheck) => !check.registered || check.findings.some(deadEnd);

/** Worth a question before we go on: is it spelt as it was meant? */
export function asks(check: DomainCheck): boolean {
  return check.suggestions.some((suggestion) => suggestion.kind === "TYPO") || check.findings.some((f) => f.code === "hostname_confusable");
}

/** What the provider's console is opened for. */
export const domainOf = (c: Pick<Connection, "zoneApex" | "registrableDomain">) => c.zoneApex ?? c.registrableDomain;
