import type { CheckStep, Connection, DnsRecord, DomainCheck, Session } from "./documents";
import type { Refusal } from "./fault";
import { place } from "./place";
import { initial, type Screen, type State } from "./state";

/** Values for tests, whole and plain; each test changes what it speaks of. */
export const row: Session["connections"][number] = {
  id: "con_1",
  hostname: "shop.acme.lab",
  unicodeName: "shop.acme.lab",
  state: "ACTION_REQUIRED",
  registrableDomain: "acme.lab",
  zoneApex: "acme.lab",
};

export const session: Session = {
  application: { id: "app_1", name: "Acme Shops", environment: "LIVE", subdomainRule: "OPTIONAL", defaultSubdomain: "shop" },
  hostname: null,
  scopes: ["CHECK", "START", "SETUP", "VIEW"],
  expiresAt: "2030-01-01T00:00:00Z",
  setupMethods: ["MANUAL"],
  connections: [],
};

const explain = { title: "Title", body: "Body", steps: [], who: "CUSTOMER", takes: "MINUTES", docs: null } as const;
export const finding = (code: string, severity: "BLOCKING" | "WARNING" | "INFO" = "BLOCKING") =>
  ({ code, severity, facet: "DNS", explain }) as Connection["findings"][number];

export const record: DnsRecord = {
  id: "rec_1",
  key: "routing",
  type: "CNAME",
  purpose: "ROUTING",
  requirement: "REQUIRED",
  group: null,
  fqdn: "shop.acme.lab",
  value: "k3v9.edge.lab",
  priority: null,
  status: "PENDING",
  display: {
    name: "shop",
    value: "k3v9.edge.lab",
    ttl: "300",
    extra: [],
    copyAll: "CNAME shop k3v9.edge.lab",
    bindLine: "",
    hint: null,
    fields: [
      { part: "TYPE", label: "Type", value: "CNAME" },
      { part: "NAME", label: "Host", value: "shop" },
      { part: "VALUE", label: "Target", value: "k3v9.edge.lab" },
      { part: "TTL", label: null, value: "300" },
    ],
  },
  servers: { have: 0, of: 2 },
  observed: [],
  eta: null,
  finding: null,
};

export const connection: Connection = {
  ...row,
  version: 1,
  isApex: false,
  stateReason: null,
  stateSince: "2026-01-01T00:00:00Z",
  setupType: "MANUAL",
  facets: {
    ownership: { value: "pending", reason: null },
    dns: { value: "absent", reason: null, servers: { have: 0, of: 2 } },
    tls: { value: "none", reason: null },
    edge: { value: "off", reason: null },
  },
  progress: { headline: "Add one record.", steps: [] },
  provider: {
    slug: "plain",
    name: "Plain DNS",
    consoleUrl: null,
    dialect: { notes: [] },
    guide: [],
  },
  records: [record],
  conflicts: [],
  findings: [],
  eta: null,
  nextCheckAt: null,
  graceUntil: null,
  transferAt: null,
  liveAt: null,
  companion: null,
};

export const check: DomainCheck = {
  hostname: "shop.acme.lab",
  unicodeName: "shop.acme.lab",
  isApex: false,
  registrableDomain: "acme.lab",
  registered: true,
  zone: { apex: "acme.lab" },
  provider: { confidence: 0.9, mixed: false, provider: { slug: "plain", name: "Plain DNS" } },
  apex: { supported: true, message: null },
  findings: [],
  suggestions: [],
  existing: null,
};

export const checkStep = (key: string, state: CheckStep["state"] = "DONE", result: DomainCheck | null = null): CheckStep => ({
  key,
  state,
  text: key,
  result,
});

export const refusal: Refusal = {
  code: "INVALID",
  reason: "hostname_single_label",
  message: "Enter a full domain name, such as shop.example.com.",
  field: "hostname",
  reference: "01k9",
  retryAfter: 0,
};

export const ready: State = { ...initial, screen: "enter-domain", session };
export const analysing: State = {
  ...ready,
  screen: "analysis",
  typed: "shop.acme.lab",
  analysis: { hostname: "shop.acme.lab", steps: [], result: null },
};
/** A widget that shows this connection. */
export const on = (over: Partial<Connection>, state: Partial<State> = {}): State => {
  const c = { ...connection, ...over };
  const s = { ...ready, connection: c, witnessed: c.state !== "LIVE", ...state };
  return { ...s, screen: place(s, c) };
};

/** One state of each screen. */
export const screens: Record<Screen, State> = {
  boot: { ...initial, typed: "", screen: "boot" },
  "enter-domain": ready,
  already: on({ state: "LIVE" }, { witnessed: false }),
  analysis: analysing,
  manual: on({ state: "ACTION_REQUIRED" }),
  progress: on({ state: "SECURING" }),
  success: on({ state: "LIVE" }, { witnessed: true }),
  problem: on({ state: "FAILED" }),
  error: { ...ready, screen: "error", failure: { code: "network", reference: "" } },
};
