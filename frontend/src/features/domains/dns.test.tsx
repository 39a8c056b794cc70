import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import query, { type DomainDetailQuery } from "#/relay/__generated__/DomainDetailQuery.graphql.ts";
import { RequestFailed, useLazyLoadQuery } from "#/relay/index.ts";
import { waiting } from "#/test/relay-test-utils.ts";
import { createMockEnvironment, MockPayloadGenerator, show } from "#/test/render.tsx";
import { over } from "./Analysis.tsx";
import { DomainPage } from "./DomainPage.tsx";
import { byDay } from "./days.ts";
import { csv, zoneFile } from "./download.ts";
import { left, wait, waits } from "./eta.ts";
import { answered, columns, parts, raw, seenBy } from "./servers.ts";
import { type Piece, spelling } from "./spelling.ts";

const marked = (pieces: Piece[]) => pieces.map((piece) => (piece.same ? piece.text : `[${piece.text}]`)).join("");

describe("spelling", () => {
  test.each([
    ["k3v9.edge.lab", "k3v9.edge.lab", "k3v9.edge.lab", "k3v9.edge.lab"],
    ["K3V9.edge.lab", "k3v9.edge.lab", "K3V9.edge.lab", "k3v9.edge.lab"],
    ["k3v9.edge.lab.acme.lab", "k3v9.edge.lab", "k3v9.edge.lab[.acme.lab]", "k3v9.edge.lab"],
    ["https://k3v9.edge.lab/", "k3v9.edge.lab", "[https://]k3v9.edge.lab[/]", "k3v9.edge.lab"],
    ["k3v8.edge.lab", "k3v9.edge.lab", "k3v[8].edge.lab", "k3v[9].edge.lab"],
    ["", "k3v9", "", "[k3v9]"],
    ["shops.example.com", "k3v9.edge.lab", "[shops.example.com]", "[k3v9.edge.lab]"],
  ])("%s against %s", (before, after, left, right) => {
    const pieces = spelling(before, after);
    expect(marked(pieces.before)).toBe(left);
    expect(marked(pieces.after)).toBe(right);
  });

  test("nothing of a value is lost, whatever stands in it", () => {
    const texts = ["", "a", "ab", "aab", "v=spf1 include:x ~all", "👩‍💻.lab", "x".repeat(4_096), "y".repeat(4_096)];
    for (const before of texts)
      for (const after of texts) {
        const pieces = spelling(before, after);
        expect(pieces.before.map((piece) => piece.text).join("")).toBe(before);
        expect(pieces.after.map((piece) => piece.text).join("")).toBe(after);
      }
  });
});

describe("when the world sees it", () => {
  const now = Date.parse("2026-11-21T10:00:00Z");
  const eta = {
    until: "2026-11-21T10:12:00Z",
    seconds: 720,
    perResolver: [
      { resolver: "Cloudflare", region: null, seconds: 0, reason: "UP_TO_DATE" },
      { resolver: "Google", region: "eu", seconds: 720, reason: "OLD_ANSWER" },
      { resolver: "Quad9", region: null, seconds: 60, reason: "NEGATIVE_ANSWER" },
      { resolver: "Silent", region: null, seconds: 0, reason: "NOT_ASKED" },
    ],
  };

  test("is rounded as people round, and never says less than is left", () => {
    expect([0, 4, 7, 54, 55, 61, 719, 5_399, 5_400, 7_201].map((s) => wait(null, s)).map(({ when, count }) => `${when} ${count}`)).toEqual([
      "now 0",
      "now 0",
      "seconds 10",
      "seconds 55",
      "minutes 1",
      "minutes 2",
      "minutes 12",
      "minutes 90",
      "hours 2",
      "hours 3",
    ]);
  });

  test("counts down, each resolver by its own time and the slowest first", () => {
    const { all, each } = waits(eta, now);
    expect(all).toEqual({ who: null, when: "minutes", count: 12 });
    expect(each.map(({ who, when, count }) => `${who}: ${when} ${count}`)).toEqual([
      "Google (eu): minutes 12",
      "Quad9: minutes 1",
      "Cloudflare: done 0",
      "Silent: unknown 0",
    ]);
    expect(left(eta, 60, now + 30_000)).toBe(30);
    expect(waits(eta, now + 90_000).each[1]).toEqual({ who: "Quad9", when: "now", count: 0 });
  });

  test("is over when every resolver has it, and not when one only fell silent", () => {
    const done = eta.perResolver.map((one) => ({ ...one, seconds: 0, reason: "UP_TO_DATE" }));
    expect(waits({ ...eta, perResolver: done }, now).all.when).toBe("done");
    expect(waits(eta, now + 800_000).all.when).toBe("now");
  });
});

describe("records as files", () => {
  const display = { name: "@", value: 'say "hi", all', ttl: "300", extra: ["10"], bindLine: "acme.lab. 300 IN TXT x" };
  const lines = [{ type: "TXT", fqdn: "acme.lab", display }];
  test("a table quotes what would break it", () => {
    expect(csv(lines)).toBe('Type,Name,Value,TTL,Priority,Full name\r\nTXT,@,"say ""hi"", all",300,10,acme.lab\r\n');
  });
  test("a zone file says what it is of", () => expect(zoneFile("acme.lab", lines)).toBe("; acme.lab\nacme.lab. 300 IN TXT x\n"));
});

describe("name servers", () => {
  const seen = { values: [], ttl: null, rcode: "NOERROR", authoritative: true, at: "2026-11-21T10:00:00Z", outcome: "ABSENT" } as const;
  test("a server that was silent has a column, and nobody has two", () => {
    const record = {
      observed: [
        { ...seen, server: "ns10.lab (192.0.2.10)" },
        { ...seen, server: "ns2.lab (192.0.2.2)" },
      ],
    };
    const zone = [
      { name: "ns2.lab.", address: "192.0.2.2", verdict: "OK" },
      { name: "ns3.lab.", address: "192.0.2.3", verdict: "TIMEOUT" },
    ];
    const all = columns([record, record], zone);
    expect(all.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual(["ns2.lab OK", "ns3.lab TIMEOUT", "ns10.lab null"]);
    expect(seenBy(record, all[0]!)?.server).toBe("ns2.lab (192.0.2.2)");
    expect(seenBy(record, all[1]!)).toBeUndefined();
  });
  test("an answer reads as in a zone file", () => {
    expect(parts("ns1.lab (2001:db8::1)")).toEqual({ name: "ns1.lab", address: "2001:db8::1" });
    expect(parts("resolver")).toEqual({ name: "resolver", address: "" });
    const said = (...values: string[]) => ({ values, ttl: 60, rcode: "NOERROR" });
    expect(raw("shop.acme.lab", "TXT", said('a "b"'))).toEqual(['shop.acme.lab. 60 IN TXT "a \\"b\\""']);
  });
  test("an alias is called an alias, whatever was asked", () => {
    const said = (rcode: string, ...values: string[]) => ({ values, ttl: 60, rcode });
    expect(raw("shop.acme.lab", "A", said("NOERROR", "k3v9.edge.lab"))).toEqual(["shop.acme.lab. 60 IN CNAME k3v9.edge.lab."]);
    expect(answered("AAAA", said("NOERROR", "2001:db8::1"))).toBe("AAAA");
    expect(answered("A", said("NOERROR", "192.0.2.1"))).toBe("A");
    expect(answered("NS", said("NXDOMAIN", "k3v9.edge.lab"))).toBe("CNAME");
    expect(answered("NS", said("NOERROR", "k3v9.edge.lab"), ["k3v9.edge.lab"])).toBe("CNAME");
    expect(answered("NS", said("NOERROR", "ns1.acme.lab"), [])).toBe("NS");
  });
});

test("only rows that are over count as done", () => {
  const step = (key: string, state: "WAITING" | "RUNNING" | "DONE" | "WARNING" | "FAILED") => ({ key, state, text: "" });
  expect(
    over([
      step("delegation", "DONE"),
      step("provider", "WARNING"),
      step("records", "RUNNING"),
      step("method", "FAILED"),
      step("result", "DONE"),
    ]),
  ).toBe(3);
});

test("what happened is told day by day, in the order of the rows", () => {
  const at = (day: number, hour: number) => ({ at: new Date(2026, 10, day, hour).toISOString() });
  const days = byDay(
    [at(21, 9), at(21, 0), at(20, 23), at(3, 12)],
    "en",
    { today: "Today", yesterday: "Yesterday" },
    new Date(2026, 10, 21, 10),
  );
  expect(days.map(({ label, rows }) => `${label}: ${rows.length}`)).toEqual(["Today: 2", "Yesterday: 1", "Tuesday, November 3, 2026: 1"]);
});

const explain = {
  title: "The CNAME points elsewhere",
  body: "Visitors land there.",
  steps: ["Edit it."],
  who: "CUSTOMER",
  takes: "MINUTES",
  docs: null,
};
const fields = [
  { part: "TYPE", label: "Type", value: "CNAME" },
  { part: "NAME", label: "Host", value: "shop" },
  { part: "VALUE", label: "Target", value: "k3v9.edge.lab" },
  { part: "TTL", label: null, value: "300" },
];
const observed = (server: string, outcome: string, values: string[] = []) => ({
  server,
  outcome,
  values,
  ttl: 60,
  rcode: outcome === "COULD_NOT_ASK" ? "TIMEOUT" : "NOERROR",
  authoritative: true,
  at: "2026-11-21T10:00:00Z",
});
const record = {
  id: "rec_1",
  type: "CNAME",
  purpose: "ROUTING",
  requirement: "REQUIRED",
  status: "WRONG_VALUE",
  fqdn: "shop.acme.lab",
  value: "k3v9.edge.lab",
  servers: { have: 1, of: 3 },
  finding: null,
  observed: [
    observed("ns1.lab (192.0.2.1)", "FOUND", ["k3v9.edge.lab"]),
    observed("ns2.lab (192.0.2.2)", "ABSENT"),
    observed("ns3.lab (192.0.2.3)", "WRONG", ["shops.example.com"]),
    observed("ns4.lab (192.0.2.4)", "COULD_NOT_ASK"),
  ],
  display: { name: "shop", value: "k3v9.edge.lab", ttl: "300", extra: [], bindLine: "…", hint: null, fields },
};

function Detail() {
  const { connection } = useLazyLoadQuery<DomainDetailQuery>(query, { id: "con_1", locale: "en" });
  return connection && <DomainPage org="acme" connection={connection} tab="setup" onTab={() => {}} onGone={() => {}} />;
}

async function page(more: object = {}) {
  const environment = createMockEnvironment();
  show(<Detail />, environment);
  await waitFor(() => expect(waiting(environment, "DomainDetailQuery").length).toBeGreaterThan(0));
  const operation = waiting(environment, "DomainDetailQuery")[0]!;
  const whole = {
    id: "con_1",
    version: 1,
    hostname: "shop.acme.lab",
    unicodeName: "shop.acme.lab",
    registrableDomain: "acme.lab",
    state: "VERIFYING",
    stateSince: "2026-11-21T10:00:00Z",
    progress: { headline: "On its way", steps: [] },
    isWildcard: false,
    application: { id: "app_1", name: "Shop" },
    provider: { name: "Plain DNS", consoleUrl: null },
    graceUntil: null,
    transferAt: null,
    nextCheckAt: null,
    eta: null,
    conflicts: [],
    findings: [{ code: "wrong_value", severity: "BLOCKING", evidence: ["obs_1"], explain }],
    records: [record],
    lastCheck: null,
    dnsDiff: {
      mailUntouched: true,
      add: [],
      change: [
        { name: "shop", fqdn: "shop.acme.lab", type: "CNAME", before: ["k3v8.edge.lab"], after: ["k3v9.edge.lab"], reason: "wrong_value" },
      ],
      remove: [],
      keep: [],
    },
    ...more,
  };
  act(() => environment.mock.resolve(operation, MockPayloadGenerator.generate(operation, { Connection: () => whole })));
  await screen.findByRole("heading", { level: 1 });
  return environment;
}

describe("the set-up of a domain", () => {
  test("four outcomes have four words, and each opens what the server said", async () => {
    await page();
    const region = screen.getByRole("region", { name: "Name servers" });
    for (const [server, word] of [
      ["ns1.lab", "There"],
      ["ns2.lab", "Not there"],
      ["ns3.lab", "Something else"],
      ["ns4.lab", "Could not ask"],
    ])
      expect(within(region).getByRole("button", { name: new RegExp(`CNAME shop.acme.lab, ${server}: ${word}`) })).toBeTruthy();
    await userEvent.click(within(region).getByRole("button", { name: /ns3\.lab/ }));
    const dialog = await screen.findByRole("dialog", { name: "What the server said" });
    expect(within(dialog).getByText("shop.acme.lab. 60 IN CNAME shops.example.com.")).toBeTruthy();
  });

  test("a wrong value is corrected letter by letter, in the words of the form", async () => {
    await page();
    const line = screen.getByRole("listitem", { name: "Change: CNAME shop.acme.lab" });
    expect([...line.querySelectorAll("del, ins")].map((mark) => mark.textContent)).toEqual(["8", "9"]);
    expect(line.textContent).toContain("At Plain DNS, edit the CNAME record shop and put what should be there into Target.");
    expect(within(line).getByRole("button", { name: "Copy Value" })).toBeTruthy();
  });

  test("a finding says how bad it is, who must act and how long it takes", async () => {
    await page();
    const findings = screen.getByRole("region", { name: "Findings" });
    for (const text of ["Blocks the connection", "Your customer can fix this.", "Usually gone a few minutes after it is saved"])
      expect(within(findings).getByText(text)).toBeTruthy();
    expect(within(findings).getByRole("button", { name: "Show evidence" })).toBeTruthy();
  });

  test("the wait is a sentence", async () => {
    const perResolver = [{ resolver: "Google", region: null, seconds: 700, reason: "OLD_ANSWER" }];
    await page({ eta: { until: new Date(Date.now() + 700_000).toISOString(), seconds: 700, perResolver } });
    expect(screen.getAllByText("Everyone will see it in about 12 minutes.").length).toBeGreaterThan(0);
    expect(screen.getAllByText("Google will see it in about 12 minutes.").length).toBeGreaterThan(0);
  });

  test("the analysis tells its steps, and counts only what is over", async () => {
    const environment = await page();
    await userEvent.click(screen.getByRole("button", { name: "Analyse now" }));
    await screen.findByText("Who may issue certificates");
    const feed = waiting(environment, "AnalysisProgressSubscription")[0]!;
    expect(feed.request.variables).toMatchObject({ hostname: "shop.acme.lab", applicationId: "app_1" });
    const say = (key: string, state: string, text: string) =>
      act(() => environment.mock.nextValue(feed, { data: { checkProgress: { key, state, text, result: null } } }));
    say("delegation", "RUNNING", "Asking the root");
    expect(screen.getByRole("progressbar").getAttribute("value")).toBe("0");
    say("delegation", "DONE", "acme.lab has two name servers");
    expect(screen.getByText("acme.lab has two name servers")).toBeTruthy();
    expect(screen.queryByText("Asking the root")).toBeNull();
    expect(screen.getByText("1 of 5")).toBeTruthy();
  });

  test("a check asked for too often is explained, and the button says how long", async () => {
    const environment = await page();
    await userEvent.click(screen.getByRole("button", { name: "Check now" }));
    act(() =>
      environment.mock.rejectMostRecentOperation(new RequestFailed([{ code: "RATE_LIMITED", message: "slow down", retryAfter: 30 }])),
    );
    expect(await screen.findByText(/We go on looking by ourselves/)).toBeTruthy();
    expect(screen.getByRole("button", { name: /\b(30|29)\b/ })).toHaveProperty("disabled", true);
  });

  test("records are a table where there is room", async () => {
    vi.stubGlobal("matchMedia", (media: string) => ({
      matches: media.includes("1240px"),
      media,
      addEventListener() {},
      removeEventListener() {},
    }));
    await page();
    const table = await screen.findByRole("table", { name: "DNS records" });
    expect(within(table).getByRole("columnheader", { name: "Name" })).toBeTruthy();
    expect(within(table).getByRole("button", { name: "Copy Target" })).toBeTruthy();
    vi.unstubAllGlobals();
  });
});
