/** What the address of an audit log says. */
export type AuditSearch = { q?: string; actor?: string; action?: string; outcome?: string; days?: number; row?: string };

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

export const filtered = (search: AuditSearch) => Boolean(search.q || search.actor || search.action || search.outcome || search.days);
