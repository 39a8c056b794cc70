// A connection as lists and pages are told of it, for tests.

export const facets = { ownership: { value: "verified" }, dns: { value: "correct" }, tls: { value: "issued" }, edge: { value: "serving" } };
export const connection = (id: string, hostname: string, state = "LIVE", version = 1) => ({
  __typename: "Connection",
  id,
  version,
  hostname,
  unicodeName: hostname,
  registrableDomain: "acme.com",
  state,
  stateSince: "2026-11-21T10:00:00Z",
  facets,
  checkedAt: null as string | null,
  freshUntil: null as string | null,
  companion: null as object | null,
  heldBy: null as object | null,
  companionOf: null as string | null,
  redirectsTo: null as string | null,
});
