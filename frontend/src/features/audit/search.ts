/** What the address of an audit log says. */
export type AuditSearch = {
  q?: string;
  actor?: string;
  action?: string;
  outcome?: string;
  days?: number;
  row?: string;
  /** These three are for operators, who look over all organizations. */
  org?: string;
  subject?: string;
  request?: string;
};

const text = (value: unknown) => (typeof value === "string" && value ? value.slice(0, 200) : undefined);
export const spans = [1, 14, 90, 3650] as const;
export const outcomes = ["OK", "REFUSED", "FAILED"] as const;
export type Outcome = (typeof outcomes)[number];

export function readSearch(search: Record<string, unknown>): AuditSearch {
  const days = Number(search.days);
  return {
    q: text(search.q),
    actor: text(search.actor),
    action: text(search.action),
    outcome: outcomes.find((one) => one === search.outcome),
    days: spans.find((one) => one === days && one !== 14),
    row: text(search.row),
  };
}

export function readOpsSearch(search: Record<string, unknown>): AuditSearch {
  return { ...readSearch(search), org: text(search.org), subject: text(search.subject), request: text(search.request) };
}

/** Midnights, so that the same page asks the same and the browser need not ask twice. */
const since = (days: number) => new Date(Math.floor(Date.now() / 86_400_000 - days + 1) * 86_400_000).toISOString();

export function filterOf(organizationId: string | null, search: AuditSearch) {
  return {
    organizationId,
    text: search.q && search.q.length > 1 ? search.q : null,
    actorId: search.actor ?? null,
    action: search.action ? [search.action] : null,
    outcome: (search.outcome as Outcome | undefined) ?? null,
    since: search.days ? since(search.days) : null,
  };
}

/** Words are looked for in one organization's log. */
export function opsFilterOf(search: AuditSearch) {
  const filter = filterOf(search.org ?? null, search);
  return { ...filter, text: search.org ? filter.text : null, subject: search.subject ?? null, requestId: search.request ?? null };
}

export const filtered = (search: AuditSearch) =>
  Boolean(search.q || search.actor || search.action || search.outcome || search.days || search.org || search.subject || search.request);
