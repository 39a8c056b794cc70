import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test } from "vitest";
import query, { type DomainDetailQuery } from "#/relay/__generated__/DomainDetailQuery.graphql.ts";
import { useLazyLoadQuery } from "#/relay/index.ts";
import { waiting } from "#/test/relay-test-utils.ts";
import { answer, createMockEnvironment, show } from "#/test/render.tsx";
import { DomainPage } from "./DomainPage.tsx";
import { connection } from "./samples.ts";

function Detail() {
  const { connection } = useLazyLoadQuery<DomainDetailQuery>(query, { id: "con_1", locale: "en" });
  return connection && <DomainPage org="acme" connection={connection} tab="setup" onTab={() => {}} onGone={() => {}} />;
}

const www = { ...connection("con_www", "www.acme.com"), provider: null, records: [] };

async function detail(state: string, permissions?: string[], more: Record<string, unknown> = {}) {
  const environment = createMockEnvironment();
  show(<Detail />, environment, permissions);
  await answer(environment, "DomainDetailQuery", {
    Connection: ({ path }) => ({
      ...(path?.includes("companion") ? www : connection(path?.includes("heldBy") ? "con_first" : "con_1", "shop.acme.com", state)),
      isWildcard: false,
      graceUntil: null,
      transferAt: null,
      nextCheckAt: null,
      conflicts: [],
      findings: [],
      ...(path?.includes("companion") ? { state: more.other } : path?.includes("heldBy") ? (more.heldBy as object) : more),
    }),
    Eta: () => ({ until: new Date(Date.now() + 40_000).toISOString() }),
    Record: () => ({ type: "CNAME", purpose: "ROUTING", requirement: "REQUIRED", status: "PENDING", finding: null }),
    Finding: () => ({ severity: "WARNING" }),
    ProgressStep: () => ({ key: "DNS", state: "RUNNING", startedAt: null, finishedAt: null }),
    NameServer: () => ({ name: "ns1.acme.com.", address: "192.0.2.53", verdict: "OK" }),
    ObservedRRset: () => ({
      server: "ns1.acme.com (192.0.2.53)",
      values: [],
      rcode: "NXDOMAIN",
      outcome: "ABSENT",
      at: "2026-11-21T10:00:00Z",
    }),
    ResolverEta: () => ({ resolver: "Google", region: null, seconds: 0, reason: "UP_TO_DATE" }),
    RecordDisplay: () => ({
      name: "shop",
      value: "k7f2.edge.example.",
      ttl: "300",
      extra: [],
      bindLine: "…",
      hint: null,
      fields: [
        { part: "NAME", label: null, value: "shop" },
        { part: "VALUE", label: null, value: "k7f2.edge.example." },
      ],
    }),
    DnsDiff: () => ({ mailUntouched: true, add: [], change: [], remove: [], keep: [] }),
  });
  return environment;
}

describe("domain page", () => {
  test.each([
    ["ACTION_REQUIRED", "Records are in"],
    ["FAILED", "Try again"],
    ["VERIFYING", "Check now"],
  ])("%s leads to “%s”", async (state, action) => {
    await detail(state);
    expect(await screen.findByRole("button", { name: action })).toBeTruthy();
  });

  test.each([
    ["DEGRADED", { graceUntil: 3_700_000 }, /grace ends in 1:0\d:\d\d/],
    ["DEGRADED", { graceUntil: -1_000 }, /served while visitors reach it/],
    ["CONTESTED", { transferAt: 7_300_000 }, /moves away in 2:0\d:\d\d/],
    ["VERIFYING", { transferAt: 7_300_000 }, /moves here in 2:0\d:\d\d/],
  ])("the clock of a %s name is told", async (state, clock, says) => {
    const at = Object.fromEntries(Object.entries(clock).map(([key, ms]) => [key, new Date(Date.now() + Number(ms)).toISOString()]));
    await detail(state, undefined, at);
    expect(await screen.findByText(says)).toBeTruthy();
  });

  test("a suspended domain can be begun again", async () => {
    await detail("SUSPENDED");
    expect(await screen.findByRole("button", { name: "Try again" })).toBeTruthy();
  });

  test("a live domain can be opened", async () => {
    await detail("LIVE");
    expect((await screen.findByRole("link", { name: "Open the site" })).getAttribute("href")).toBe("https://shop.acme.com");
  });

  test("who may only read sees no button that writes", async () => {
    await detail("ACTION_REQUIRED", []);
    await screen.findByRole("heading", { level: 1 });
    expect(screen.queryByRole("button", { name: "Records are in" })).toBeNull();
    expect(screen.queryByRole("button", { name: "Check now" })).toBeNull();
  });

  test("each part of a record has its own copy button", async () => {
    await detail("ACTION_REQUIRED");
    expect(await screen.findByRole("button", { name: "Copy Name" })).toBeTruthy();
    expect(screen.getByRole("button", { name: "Copy Value" })).toBeTruthy();
  });
});

describe("www and the domain itself", () => {
  const pair = { hostname: "www.acme.com", unicodeName: "www.acme.com", mode: "APEX", redirectTo: "acme.com" };

  test("the other name is offered, and taken along with one press", async () => {
    const environment = await detail("LIVE", undefined, { companion: { ...pair, connection: null } });
    await userEvent.click(await screen.findByRole("button", { name: "Take www.acme.com along" }));
    const [set] = waiting(environment, "CompanionSetMutation");
    expect(set!.request.variables.input).toEqual({ id: "con_1", version: 1, companion: "APEX" });
  });

  test("who may only read is offered nothing", async () => {
    await detail("LIVE", [], { companion: { ...pair, connection: null } });
    await screen.findByRole("heading", { level: 1 });
    expect(screen.queryByText("Take www.acme.com along")).toBeNull();
  });

  test("beside its own state it says where its visitors will end, and it is ended by its name", async () => {
    const environment = await detail("LIVE", undefined, { companion: { ...pair, connection: www }, other: "ACTION_REQUIRED" });
    expect(await screen.findByText(/will be led to acme\.com once both are connected/)).toBeTruthy();
    expect(screen.getByText("Action required")).toBeTruthy();
    expect(screen.getByRole("link", { name: "Open www.acme.com" }).getAttribute("href")).toContain("con_www");
    await userEvent.click(screen.getByRole("button", { name: "Disconnect it" }));
    await userEvent.type(await screen.findByRole("textbox", { name: /www\.acme\.com/ }), "www.acme.com");
    await userEvent.click(screen.getAllByRole("button", { name: "Disconnect it" }).at(-1)!);
    const [set] = waiting(environment, "CompanionSetMutation");
    expect(set!.request.variables.input).toEqual({ id: "con_1", version: 1, companion: "NONE" });
  });

  test("once both are live it leads", async () => {
    await detail("LIVE", undefined, { companion: { ...pair, connection: www }, other: "LIVE" });
    expect(await screen.findByText("Visitors of www.acme.com are led to acme.com.")).toBeTruthy();
  });

  test("a companion names where it leads", async () => {
    await detail("LIVE", undefined, { companionOf: "con_main", redirectsTo: "acme.com" });
    expect((await screen.findByRole("link", { name: "Open acme.com" })).getAttribute("href")).toContain("con_main");
  });
});

describe("a name that another application has", () => {
  const heldBy = { ...connection("con_first", "shop.acme.com"), application: { id: "app_first", name: "Old shop" } };

  test("an owner moves it here by its name", async () => {
    const environment = await detail("ACTION_REQUIRED", undefined, { heldBy });
    expect(await screen.findByText(/is connected to Old shop, in your organization/)).toBeTruthy();
    expect(screen.getByRole("link", { name: "Open it at Old shop" }).getAttribute("href")).toContain("con_first");
    await userEvent.click(screen.getByRole("button", { name: "Move it here" }));
    await userEvent.type(await screen.findByRole("textbox", { name: /shop\.acme\.com/ }), "shop.acme.com");
    await userEvent.click(screen.getAllByRole("button", { name: "Move it here" }).at(-1)!);
    const [set] = waiting(environment, "TransferMutation");
    expect(set!.request.variables).toMatchObject({ connectionId: "con_1" });
  });

  test("who does not own the organization is told who can", async () => {
    await detail("ACTION_REQUIRED", ["connection.read", "connection.check"], { heldBy });
    expect(await screen.findByText("An owner of the organization can move it.")).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Move it here" })).toBeNull();
  });
});
