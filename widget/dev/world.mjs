/** A small pretend server's memory: one application, one person, connections that move when told to. Development only. */

const now = () => new Date().toISOString();
const id = (prefix) => `${prefix}_${Math.random().toString(36).slice(2, 12)}`;

const explain = (title, body, steps = [], who = "CUSTOMER") => ({
  code: "",
  title,
  body,
  steps,
  who,
  takes: "MINUTES",
  docs: null,
  confidence: 1,
});

export const sentences = {
  record_absent: explain("Not there yet", "None of your name servers has this record so far."),
  wrong_value: explain("The value is different", "We found another value than the one below. Replace it with the value shown here.", [
    "Open the record at Plain DNS.",
    "Paste the value from here over the old one.",
    "Save.",
  ]),
  wrong_name_doubled: explain("The name was added twice", "You created shop.acme.lab.acme.lab. Plain DNS adds acme.lab by itself.", [
    "Rename the record to shop.",
  ]),
  cname_collision: explain(
    "Another record is in the way",
    "An address stands where the new record has to stand. Both cannot exist together.",
  ),
  caa_forbidden: explain(
    "Your domain allows other certificate authorities only",
    "A CAA record at acme.lab names other-ca.lab. Without permission nobody can issue the certificate that makes your address secure.",
    ['Add a CAA record at shop with the value 0 issue "lab-ca.lab".', "Wait a minute: we look again by ourselves."],
  ),
  lame_delegation: explain(
    "The name servers do not answer for this domain",
    "ns1.broken.lab and ns2.broken.lab do not know acme.lab. The domain company has to set it up there first.",
    ["Ask your domain company to add the zone acme.lab to these servers."],
    "PROVIDER",
  ),
  not_registered: explain("This domain is not registered", "Nobody owns gone.lab at the moment, or it has expired.", [
    "Check the spelling.",
    "Register or renew it at a domain company.",
  ]),
  held_elsewhere: explain(
    "This address is already in use here",
    "Another account has connected it. If it is yours, you can prove it and it moves over.",
    ["Sign in to the account that connected it, or contact support."],
  ),
  propagation_timeout: explain(
    "The records did not arrive in time",
    "After 24 hours the name servers still do not have them, so we stopped looking.",
    ["Compare the records once more.", "Then try again."],
  ),
  hostname_typo: explain("Is this the right spelling?", "acme.con looks like acme.com."),
  hostname_single_label: explain("Not a full address", "Enter a full domain name, such as shop.example.com."),
};

const guide = [
  "Sign in at Plain DNS.",
  "Open Domains, then acme.lab, then DNS.",
  "Press Add record.",
  "Choose the type, copy name and value, and save.",
];

export const provider = {
  __typename: "Provider",
  id: "prv_plain",
  slug: "plain",
  name: "Plain DNS",
  consoleUrl: "https://dns.plain.lab/zones/acme.lab",
  dialect: { notes: [] },
  guide: guide.map((text) => ({ text, url: null })),
};

const target = "k3v9mzq2xw7t4c8d.edge.lab";

export function record(over = {}) {
  const base = {
    __typename: "Record",
    id: id("rec"),
    key: "routing",
    type: "CNAME",
    purpose: "ROUTING",
    requirement: "REQUIRED",
    group: null,
    name: "shop",
    fqdn: "shop.acme.lab",
    value: target,
    ttl: 300,
    priority: null,
    status: "PENDING",
    statusSince: now(),
    servers: { have: 0, of: 2 },
    observed: [],
    finding: null,
    writer: "CUSTOMER",
    eta: null,
    ...over,
  };
  return {
    ...base,
    display: {
      name: base.name,
      value: base.value,
      ttl: "300",
      extra: [],
      hint: over.hint ?? null,
      copyAll: `${base.type}\t${base.name}\t${base.value}\t300`,
      bindLine: `${base.fqdn}. 300 IN ${base.type} ${base.value}.`,
      fields: [
        ["TYPE", "Type", base.type],
        ["NAME", "Name", base.name],
        ["VALUE", "Value", base.value],
        ["TTL", "TTL", "300"],
      ].map(([part, label, value]) => ({ part, label, value })),
    },
  };
}

const outcome = (values, rcode) =>
  rcode !== "NOERROR" && rcode !== "NXDOMAIN"
    ? "COULD_NOT_ASK"
    : values.length === 0
      ? "ABSENT"
      : values.includes(target)
        ? "FOUND"
        : "WRONG";

export const seen = (server, values, rcode = "NOERROR", means = outcome(values, rcode)) => ({
  server,
  values,
  ttl: 300,
  rcode,
  authoritative: true,
  at: now(),
  outcome: means,
});

export const finding = (code, severity = "BLOCKING", facet = "DNS") => ({
  code,
  severity,
  facet,
  params: {},
  evidence: [],
  explain: sentences[code],
});

const labels = { OWNERSHIP: "WAITING", DNS: "WAITING", TLS: "WAITING", EDGE: "WAITING" };
export const progress = (headline, states = {}, texts = {}) => ({
  headline,
  steps: Object.entries({ ...labels, ...states }).map(([key, state]) => ({
    key,
    state,
    text: texts[key] ?? "",
    startedAt: null,
    finishedAt: null,
  })),
});

const facet = (value, servers = null) => ({ value, reason: null, since: now(), servers });

export function connection(hostname, over = {}) {
  return {
    __typename: "Connection",
    id: id("con"),
    version: 1,
    hostname,
    unicodeName: hostname,
    registrableDomain: "acme.lab",
    publicSuffix: "lab",
    zoneApex: "acme.lab",
    isApex: false,
    isWildcard: false,
    state: "DRAFT",
    stateReason: null,
    stateSince: now(),
    setupType: "MANUAL",
    facets: { ownership: facet("pending"), dns: facet("absent", { have: 0, of: 2 }), tls: facet("none"), edge: facet("off") },
    progress: progress("Looking at your domain."),
    provider,
    records: [record({ fqdn: hostname, name: hostname.split(".")[0] })],
    conflicts: [],
    findings: [],
    eta: null,
    nextCheckAt: null,
    graceUntil: null,
    liveAt: null,
    ...over,
  };
}

/** Named moments of a connection, for pictures and tests. */
export const moments = {
  manual: () => ({ state: "ACTION_REQUIRED", stateReason: "record_absent", progress: progress("Add one record at Plain DNS.") }),
  partial: (c) => ({
    state: "VERIFYING",
    progress: progress(
      "One of two name servers has your record.",
      { OWNERSHIP: "DONE", DNS: "RUNNING" },
      { OWNERSHIP: "Proven by the record itself.", DNS: "ns2.plain.lab does not have it yet." },
    ),
    facets: { ...c.facets, ownership: facet("verified"), dns: facet("partial", { have: 1, of: 2 }) },
    records: [
      {
        ...c.records[0],
        status: "PARTIAL",
        servers: { have: 1, of: 2 },
        observed: [seen("ns1.plain.lab", [target]), seen("ns2.plain.lab", [], "NXDOMAIN")],
      },
    ],
    eta: {
      seconds: 240,
      until: new Date(Date.now() + 240_000).toISOString(),
      perResolver: [
        { resolver: "Google", region: null, seconds: 0, reason: "UP_TO_DATE" },
        { resolver: "Cloudflare", region: null, seconds: 240, reason: "NEGATIVE_ANSWER" },
      ],
    },
  }),
  wrong: (c) => ({
    state: "ACTION_REQUIRED",
    stateReason: "wrong_value",
    progress: progress("The record has another value.", { DNS: "FAILED" }),
    findings: [finding("wrong_value")],
    records: [
      {
        ...c.records[0],
        status: "WRONG_VALUE",
        finding: finding("wrong_value"),
        observed: [seen("ns1.plain.lab", ["old-shop.example.net."]), seen("ns2.plain.lab", ["old-shop.example.net."])],
      },
    ],
  }),
  conflict: (c) => ({
    state: "ACTION_REQUIRED",
    stateReason: "cname_collision",
    progress: progress("Something is in the way.", { DNS: "FAILED" }),
    findings: [finding("cname_collision")],
    conflicts: [
      {
        __typename: "Conflict",
        id: "cfl_1",
        kind: "cname_collision",
        severity: "BLOCKING",
        name: "shop",
        type: "A",
        existing: ["203.0.113.7"],
        desired: `CNAME ${target}`,
        resolution: null,
        choices: ["REPLACE", "KEEP"],
        explain: sentences.cname_collision,
      },
    ],
    records: [{ ...c.records[0], status: "CONFLICT" }],
  }),
  apex: (c) => ({
    state: "ACTION_REQUIRED",
    stateReason: "record_absent",
    isApex: true,
    progress: progress("Add the records at Plain DNS."),
    records: [
      record({
        id: "r1",
        key: "apex-a",
        type: "A",
        requirement: "ONE_OF",
        group: "apex",
        name: "@",
        fqdn: "acme.lab",
        value: "198.51.100.20",
      }),
      record({
        id: "r2",
        key: "apex-aaaa",
        type: "AAAA",
        requirement: "ONE_OF",
        group: "apex",
        name: "@",
        fqdn: "acme.lab",
        value: "2001:db8::20",
      }),
      record({ id: "r3", key: "apex-alias", type: "ALIAS", requirement: "ONE_OF", group: "apex", name: "@", fqdn: "acme.lab" }),
      record({
        id: "r4",
        key: "proof",
        type: "TXT",
        purpose: "OWNERSHIP",
        name: "_nameplate",
        fqdn: "_nameplate.acme.lab",
        value: "np-verify=9d0s2kfm3q8x7v1c5b",
        status: "OK",
        observed: [seen("ns1.plain.lab", ['"np-verify=9d0s2kfm3q8x7v1c5b"'], "NOERROR", "FOUND")],
        hint: "Plain DNS adds acme.lab at the end by itself: type only _nameplate.",
      }),
      record({
        id: "r5",
        key: "no-aaaa",
        type: "AAAA",
        requirement: "REMOVE",
        name: "@",
        fqdn: "acme.lab",
        value: "2001:db8:dead::1",
        status: "CONFLICT",
        observed: [seen("ns1.plain.lab", ["2001:db8:dead::1"])],
      }),
    ].map((r) => ({ ...r, id: `${c.id}-${r.id}` })),
  }),
  seen: (c) => ({
    ...moments.partial(c),
    records: [
      {
        ...c.records[0],
        status: "OK",
        servers: { have: 2, of: 2 },
        observed: [seen("ns1.plain.lab", [target]), seen("ns2.plain.lab", [target])],
      },
    ],
    facets: { ...c.facets, ownership: facet("verified"), dns: facet("partial", { have: 2, of: 2 }) },
    eta: null,
    progress: progress("Both name servers have your record.", { OWNERSHIP: "DONE", DNS: "RUNNING" }),
  }),
  securing: (c) => ({
    ...moments.seen(c),
    state: "SECURING",
    stateReason: null,
    facets: { ownership: facet("verified"), dns: facet("correct", { have: 2, of: 2 }), tls: facet("pending"), edge: facet("staged") },
    progress: progress(
      "The certificate is being issued.",
      { OWNERSHIP: "DONE", DNS: "DONE", TLS: "RUNNING" },
      { OWNERSHIP: "Proven by the record itself.", DNS: "All name servers agree.", TLS: "Ordered, a few seconds to go." },
    ),
  }),
  caa: (c) => ({
    ...moments.securing(c),
    state: "ACTION_REQUIRED",
    stateReason: "caa_forbidden",
    findings: [finding("caa_forbidden", "BLOCKING", "TLS")],
    facets: { ownership: facet("verified"), dns: facet("correct", { have: 2, of: 2 }), tls: facet("blocked"), edge: facet("staged") },
    progress: progress("A certificate may not be issued yet.", { OWNERSHIP: "DONE", DNS: "DONE", TLS: "FAILED" }),
  }),
  failed: () => ({
    state: "FAILED",
    stateReason: "propagation_timeout",
    findings: [],
    progress: progress("We stopped looking.", { DNS: "FAILED" }),
  }),
  live: (c) => ({
    ...moments.securing(c),
    state: "LIVE",
    liveAt: now(),
    facets: { ownership: facet("verified"), dns: facet("correct", { have: 2, of: 2 }), tls: facet("issued"), edge: facet("serving") },
    progress: progress("Live.", { OWNERSHIP: "DONE", DNS: "DONE", TLS: "DONE", EDGE: "DONE" }),
  }),
};

export function world() {
  const connections = new Map();
  const watchers = new Set();
  const w = {
    connections,
    /** How long a row of the analysis takes; tests set 0. */
    pace: 250,
    hostnameClaim: null,
    tokens: new Set(["good"]),
    analysis: {},
    add(hostname, moment) {
      const c = connection(hostname);
      connections.set(c.id, c);
      if (moment) w.set(c.id, moment);
      return connections.get(c.id);
    },
    set(id, moment) {
      const c = connections.get(id);
      connections.set(id, { ...c, ...(typeof moment === "string" ? moments[moment](c) : moment), version: c.version + 1 });
      for (const wake of [...watchers]) wake();
    },
    async *follow(id) {
      let sent = 0;
      for (;;) {
        const c = connections.get(id);
        if (!c) throw new Error("gone");
        if (c.version > sent) {
          sent = c.version;
          yield c;
          continue;
        }
        let wake;
        const changed = new Promise((resolve) => {
          wake = resolve;
          watchers.add(resolve);
        });
        try {
          await changed;
        } finally {
          watchers.delete(wake);
        }
      }
    },
    check(hostname) {
      return {
        hostname,
        unicodeName: hostname,
        typed: hostname,
        hostLabel: hostname.split(".")[0],
        isApex: false,
        isWildcard: false,
        registrableDomain: "acme.lab",
        publicSuffix: "lab",
        publicSuffixIcann: false,
        registered: true,
        zone: { apex: "acme.lab", chain: [], nameServers: [], serials: [], dnssec: "UNSIGNED" },
        provider: { provider, confidence: 0.9, evidence: [], mixed: false },
        setup: [],
        best: "MANUAL",
        apex: { supported: true, how: [], message: null },
        records: [],
        conflicts: [],
        findings: [],
        suggestions: [],
        existing: null,
        durationMs: 400,
        queries: 12,
        ...w.analysis[hostname],
      };
    },
  };
  w.analysis["gone.lab"] = { registered: false, findings: [finding("not_registered")] };
  w.analysis["acme.con"] = {
    suggestions: [{ kind: "TYPO", hostname: "acme.com", text: "ends in .com" }],
    findings: [finding("hostname_typo", "WARNING")],
  };
  w.analysis["broken.lab"] = { findings: [finding("lame_delegation")] };
  return w;
}
