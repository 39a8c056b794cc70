import type { Connection } from "./documents";
import type { Message, Screen, State } from "./state";

/** What the host page hears. Types and statuses are public: added, never renamed. */
export type EventType =
  | "ready"
  | "step"
  | "analysis"
  | "record-status"
  | "facet"
  | "progress"
  | "live"
  | "action-required"
  | "error"
  | "close"
  | "expired";

export interface Emit {
  do: "emit";
  type: EventType;
  detail: Record<string, unknown>;
}

const status: Record<Screen, string> = {
  boot: "INITIAL",
  "enter-domain": "ENTER_DOMAIN",
  already: "DOMAIN_ANALYSIS",
  analysis: "DOMAIN_ANALYSIS",
  manual: "MANUAL_CONFIGURATION",
  progress: "IN_PROGRESS",
  success: "FINISHED_SUCCESSFULLY_MANUAL",
  problem: "MANUAL_CONFIGURATION",
  error: "EXIT_WITH_ERROR",
};

/** The name that integrators know. A problem reports the phase that it interrupts. */
export function publicStatus(s: State): string {
  if (s.screen === "problem" && !s.connection) return "DOMAIN_ANALYSIS";
  if (s.screen === "problem" && s.connection?.facets.dns.value === "correct") return "IN_PROGRESS";
  return status[s.screen];
}

/** What became different, as events for the host page. No value that a person typed is among them before it is a host name. */
export function news(before: State, after: State, message: Message): Emit[] {
  const out: Emit[] = [];
  const emit = (type: EventType, detail: Record<string, unknown>) => out.push({ do: "emit", type, detail });
  const c = after.connection;

  if (before.screen === "boot" && after.screen !== "boot" && after.screen !== "error") emit("ready", {});
  if (before.screen !== after.screen) {
    emit("step", { step: after.screen, status: publicStatus(after), hostname: hostname(after) });
    if (after.screen === "error") emit("error", { ...after.failure });
  }
  if (after.analysis?.result && after.analysis.result !== before.analysis?.result) {
    const { hostname, provider, findings } = after.analysis.result;
    emit("analysis", { hostname, provider: provider.provider?.slug ?? null, findings: findings.map((f) => f.code) });
  }
  if (c && c !== before.connection) connectionNews(before.connection?.id === c.id ? before.connection : null, c, emit);
  if (after.overlay === "session-expired" && before.overlay !== "session-expired") emit("expired", {});
  if (message.type === "close" && after.overlay !== "exit-confirm" && before.overlay !== "exit-confirm") emit("close", closing(after));
  if (message.type === "leave") emit("close", closing(after));
  return out;
}

function connectionNews(before: Connection | null, c: Connection, emit: (type: EventType, detail: Record<string, unknown>) => void) {
  const who = { connectionId: c.id, hostname: c.hostname };
  for (const record of c.records) {
    const old = before?.records.find((other) => other.id === record.id);
    if (old?.status === record.status && old.servers?.have === record.servers?.have) continue;
    emit("record-status", { ...who, key: record.key, type: record.type, status: record.status, servers: record.servers ?? null });
  }
  for (const facet of ["ownership", "dns", "tls", "edge"] as const) {
    const { value, reason } = c.facets[facet];
    if (before?.facets[facet].value !== value) emit("facet", { ...who, facet, value, reason: reason ?? null });
  }
  emit("progress", { ...who, state: c.state, version: c.version, headline: c.progress.headline });
  if (before?.state === c.state) return;
  if (c.state === "LIVE") emit("live", { ...result(c), alreadyConnected: !before });
  if (c.state === "ACTION_REQUIRED") {
    emit("action-required", { ...who, reason: c.stateReason ?? null, findings: c.findings.map((f) => f.code) });
  }
}

const result = (c: Connection) => ({
  connectionId: c.id,
  hostname: c.hostname,
  state: c.state,
  setupType: c.setupType ?? null,
  provider: c.provider?.slug ?? null,
});

function closing(s: State) {
  const c = s.connection;
  return {
    connectionId: c?.id ?? null,
    hostname: hostname(s),
    state: c?.state ?? null,
    setupType: c?.setupType ?? null,
    provider: c?.provider?.slug ?? s.analysis?.result?.provider.provider?.slug ?? null,
    success: c?.state === "LIVE",
    lastStatus: publicStatus(s),
  };
}

const hostname = (s: State) => s.connection?.hostname ?? s.analysis?.result?.hostname ?? null;
