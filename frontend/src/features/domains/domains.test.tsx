import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test, vi } from "vitest";
import { RequestFailed } from "#/relay/index.ts";
import type { Hooks } from "#/relay/live.ts";
import { useShortcuts } from "#/shell/shortcuts.ts";
import { type MockEnvironment, waiting } from "#/test/relay-test-utils.ts";
import { answer, createMockEnvironment, show } from "#/test/render.tsx";
import { ApplicationDomains } from "./ApplicationDomains.tsx";
import { domainsSearch } from "./address.ts";
import ConnectDialog from "./ConnectDialog.tsx";
import Settings from "./Settings.tsx";
import { connection, facets } from "./samples.ts";
import { facetTone, stateTone, views } from "./states.ts";

const organization = { id: "org_1", slug: "acme" };
function Keys() {
  useShortcuts(
    () => false,
    () => {},
  );
  return null;
}

async function list(rows: ReturnType<typeof connection>[]) {
  const environment = createMockEnvironment();
  const onConnect = vi.fn();
  show(
    <>
      <Keys />
      <ApplicationDomains organization={organization} applicationId="app_1" locale="en" onConnect={onConnect} />
    </>,
    environment,
  );
  await answer(environment, "ApplicationDomainsQuery", {
    ConnectionPage: () => ({
      edges: rows.map((node) => ({ cursor: node.id, node })),
      totalCount: rows.length,
      pageInfo: { hasNextPage: false, endCursor: null },
    }),
  });
  return { environment, onConnect };
}

/** A message of the feed. */
function say(environment: MockEnvironment, change: object | null, position = "p1") {
  const operation = waiting(environment, "DomainsTableFeedSubscription")[0]!;
  const data = { connectionsChanged: { position, counts: [{ state: "LIVE", count: 2 }], connection: change } };
  // What the transport does (relay/live.ts): a message that is not accepted never reaches the store.
  const { accept } = operation.request.cacheConfig!.metadata as Hooks;
  if (accept?.(data)) act(() => environment.mock.nextValue(operation, { data }));
}

const whole = { progress: { headline: "Serving" }, provider: { id: "p", name: "Plain" }, application: { id: "app_1", name: "Shop" } };
const full = (row: ReturnType<typeof connection>) => {
  const servers = { servers: null };
  const states = Object.fromEntries(Object.entries(facets).map(([key, value]) => [key, { ...value, ...servers }]));
  return { ...row, ...whole, facets: states };
};

describe("domains list", () => {
  test("shows each host name with its state in words", async () => {
    await list([connection("con_1", "shop.acme.com"), connection("con_2", "www.acme.com", "ACTION_REQUIRED")]);
    const rows = within(await screen.findByRole("table")).getAllByRole("row");
    expect(rows).toHaveLength(3);
    expect(within(rows[2]!).getByText("Action required")).toBeTruthy();
    expect(within(rows[1]!).getByRole("img", { name: /Certificate: issued/ })).toBeTruthy();
  });

  test("a tick that is older than two intervals is none: it says when somebody looked", async () => {
    const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
    await list([
      { ...connection("con_1", "fresh.acme.com"), checkedAt: ago(20), freshUntil: ago(-10) },
      { ...connection("con_2", "late.acme.com"), checkedAt: ago(180), freshUntil: ago(150) },
      { ...connection("con_3", "off.acme.com"), checkedAt: ago(180), freshUntil: null },
    ]);
    const rows = within(await screen.findByRole("table")).getAllByRole("row");
    expect(rows.map((row) => row.querySelector("[data-tone]")?.getAttribute("data-tone"))).toEqual([undefined, "good", "none", "none"]);
    expect(within(rows[1]!).queryByText(/last checked/)).toBeNull();
    for (const row of rows.slice(2)) expect(within(row).getByText(/last checked/)).toBeTruthy();
  });

  test("an empty list offers the one thing to do", async () => {
    const { onConnect } = await list([]);
    expect(await screen.findByText("No domains yet")).toBeTruthy();
    await userEvent.click(screen.getAllByRole("button", { name: "Connect a domain" })[1]!);
    expect(onConnect).toHaveBeenCalled();
  });

  test("a newer version changes the row in place, an older one changes nothing", async () => {
    const { environment } = await list([connection("con_1", "shop.acme.com", "VERIFYING", 5)]);
    await screen.findByText("Verifying");
    say(environment, full(connection("con_1", "shop.acme.com", "SECURING", 6)));
    expect(await screen.findByText("Securing")).toBeTruthy();
    say(environment, full(connection("con_1", "shop.acme.com", "VERIFYING", 5)));
    expect(screen.getByText("Securing")).toBeTruthy();
  });

  test("new rows wait behind a button while somebody reads further down", async () => {
    const { environment } = await list([connection("con_1", "shop.acme.com")]);
    await screen.findByText("Live", { selector: "[data-tone=good]" });
    vi.stubGlobal("scrollY", 900);
    say(environment, full(connection("con_9", "new.acme.com", "ANALYZING")));
    await userEvent.click(await screen.findByRole("button", { name: "1 new" }));
    expect(waiting(environment, "DomainsTableMoreQuery")).toHaveLength(1);
    vi.stubGlobal("scrollY", 0);
  });

  test("j and k move over the rows, c presses the create button", async () => {
    const { onConnect } = await list([connection("con_1", "a.acme.com"), connection("con_2", "b.acme.com")]);
    await screen.findByRole("table");
    const user = userEvent.setup();
    await user.keyboard("j");
    expect(document.activeElement?.textContent).toContain("a.acme.com");
    await user.keyboard("j");
    expect(document.activeElement?.textContent).toContain("b.acme.com");
    await user.keyboard("k");
    expect(document.activeElement?.textContent).toContain("a.acme.com");
    await user.keyboard("c");
    expect(onConnect).toHaveBeenCalled();
  });
});

describe("connect dialog", () => {
  test("a refused host name stays, with the server's word at the field", async () => {
    const environment = createMockEnvironment();
    const user = userEvent.setup();
    show(<ConnectDialog organization={organization} onClose={() => {}} />, environment);
    await answer(environment, "ApplicationSelectQuery", {
      ApplicationPage: () => ({ nodes: [{ id: "app_1", name: "Shop", environment: "LIVE", archivedAt: null }] }),
    });
    const field = await screen.findByLabelText("Domain");
    await user.type(field, "acme{Enter}");
    const start = waiting(environment, "ConnectDialogStartMutation");
    expect(start).toHaveLength(1);
    expect(start[0]?.request.variables).toMatchObject({ input: { applicationId: "app_1", hostname: "acme" } });
    act(() =>
      environment.mock.rejectMostRecentOperation(
        new RequestFailed([{ code: "INVALID", field: "hostname", message: "Enter a full domain name." }]),
      ),
    );
    expect(await screen.findByText("Enter a full domain name.")).toBeTruthy();
    expect(field).toHaveProperty("value", "acme");
  });

  test("without an application it says what to do first", async () => {
    const environment = createMockEnvironment();
    show(<ConnectDialog organization={organization} onClose={() => {}} />, environment);
    await answer(environment, "ApplicationSelectQuery", { ApplicationPage: () => ({ nodes: [] }) });
    expect(await screen.findByText(/Create one first/)).toBeTruthy();
  });
});

describe("settings of a domain", () => {
  const open = async (onArchived = () => {}) => {
    const environment = createMockEnvironment();
    show(<Settings id="con_1" onArchived={onArchived} />, environment);
    await answer(environment, "SettingsTabQuery", {
      Connection: () => ({
        id: "con_1",
        version: 4,
        hostname: "shop.acme.com",
        state: "LIVE",
        externalRef: "cust_42",
        labels: ["eu"],
        metadata: { plan: "pro" },
        upstream: null,
      }),
    });
    await screen.findByLabelText("Your reference");
    return environment;
  };

  test("broken JSON never leaves the page", async () => {
    const environment = await open();
    const user = userEvent.setup();
    const field = screen.getByLabelText("Metadata");
    await user.clear(field);
    await user.type(field, "{{nope");
    await user.click(screen.getByRole("button", { name: "Save" }));
    expect(waiting(environment, "SettingsSaveMutation")).toHaveLength(0);
    expect(field.getAttribute("aria-invalid")).toBe("true");
  });

  test("archiving asks for the typed name and says what stops", async () => {
    const archived = vi.fn();
    const environment = await open(archived);
    const user = userEvent.setup();
    await user.click(screen.getByRole("button", { name: "Disconnect" }));
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).getByText(/stops answering at once/)).toBeTruthy();
    await user.type(within(dialog).getByRole("textbox"), "shop.acme.com{Enter}");
    const operation = environment.mock.getMostRecentOperation();
    expect(operation.request.variables).toEqual({ id: "con_1", confirmHostname: "shop.acme.com", revokeCertificate: false });
    act(() =>
      environment.mock.resolve(operation, {
        data: { archiveConnection: { connection: { id: "con_1", version: 5, state: "ARCHIVED" }, waiting: null } },
      }),
    );
    await waitFor(() => expect(archived).toHaveBeenCalled());
  });
});

test("every state has a look and a tab", () => {
  const inTabs = new Set([...views.all, ...views.archived]);
  expect(Object.keys(stateTone).sort()).toEqual([...inTabs].sort());
});

test("facets are judged in any case of letters, and unknown words are neutral", () => {
  expect([facetTone("dns", "CORRECT"), facetTone("tls", "renewal_at_risk"), facetTone("edge", "surprise")]).toEqual([
    "good",
    "warn",
    "none",
  ]);
});

test("an address from outside is cut to what the list knows", () => {
  expect(domainsSearch({ view: "__proto__", q: 42, order: "DROP", app: ["x"], connect: "1" })).toEqual({
    view: undefined,
    q: "42",
    app: undefined,
    order: undefined,
    connect: true,
  });
});
