/** What the address of the ledger says. */
export type EventsSearch = {
  state?: "PENDING" | "PARKED";
  action?: string;
  subject?: string;
  reader?: string;
  org?: string;
  event?: string;
};

const text = (value: unknown) => (typeof value === "string" && value ? value.slice(0, 100) : undefined);

export function readEventsSearch(search: Record<string, unknown>): EventsSearch {
  return {
    state: search.state === "PENDING" || search.state === "PARKED" ? search.state : undefined,
    action: text(search.action),
    subject: text(search.subject),
    reader: text(search.reader),
    org: text(search.org),
    event: text(search.event),
  };
}

export const eventsFilter = (search: EventsSearch) => ({
  state: search.state ?? null,
  action: search.action ? [search.action] : null,
  subject: search.subject ?? null,
  reader: search.reader ?? null,
  organizationId: search.org ?? null,
});
