import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { RequestFailed } from "#/relay/index.ts";
import { waiting } from "#/test/relay-test-utils.ts";
import { createMockEnvironment, show } from "#/test/render.tsx";
import { Deliveries } from "./Deliveries.tsx";
import EndpointForm from "./EndpointForm.tsx";

const topics = [
  { topic: "connection.live", description: "", optional: false },
  { topic: "connection.checked", description: "", optional: true },
  { topic: "certificate.issued", description: "", optional: false },
];

async function form(onCreated = vi.fn()) {
  sessionStorage.clear();
  const environment = createMockEnvironment();
  show(<EndpointForm organizationId="org_1" onClose={() => {}} onCreated={onCreated} />, environment);
  await waitFor(() => expect(waiting(environment, "EndpointFormTopicsQuery")).toHaveLength(1));
  act(() => environment.mock.resolve(waiting(environment, "EndpointFormTopicsQuery")[0]!, { data: { webhookTopics: topics } }));
  await screen.findByLabelText("Address");
  return environment;
}

test("a noun stands for its topics, except the noisy ones", async () => {
  const environment = await form();
  const user = userEvent.setup();
  expect(screen.getByRole("checkbox", { name: /connection\.live/ })).toHaveProperty("disabled", true);
  await user.click(screen.getByRole("checkbox", { name: /connection\.checked/ }));
  await user.click(screen.getByRole("checkbox", { name: /certificate\.issued/ }));
  await user.type(screen.getByLabelText("Address"), "https://api.acme.com/hook");
  await user.click(screen.getByRole("button", { name: "Create endpoint" }));
  const [create] = waiting(environment, "EndpointFormCreateMutation");
  expect(create?.request.variables).toMatchObject({
    input: {
      organizationId: "org_1",
      url: "https://api.acme.com/hook",
      topics: ["connection.*", "connection.checked", "certificate.issued"],
      ordered: true,
    },
  });
});

test("a refused address stays, with the server's word at the field", async () => {
  const environment = await form();
  const user = userEvent.setup();
  await user.type(screen.getByLabelText("Address"), "http://10.0.0.1/");
  await user.click(screen.getByRole("button", { name: "Create endpoint" }));
  const fault = { code: "INVALID", field: "url", message: "This address is not reachable from the internet." };
  act(() => environment.mock.rejectMostRecentOperation(new RequestFailed([fault])));
  expect(await screen.findByText("This address is not reachable from the internet.")).toBeTruthy();
  expect(screen.getByLabelText("Address")).toHaveProperty("value", "http://10.0.0.1/");
});

test("deliveries show their state and open by a real link", async () => {
  const environment = createMockEnvironment();
  const onSearch = vi.fn();
  show(<Deliveries endpointId="whe_1" search={{}} onSearch={onSearch} />, environment);
  await waitFor(() => expect(waiting(environment, "DeliveriesQuery")).toHaveLength(1));
  const attempt = { n: 1, status: 503, error: null, latencyMs: 12 };
  const delivery = {
    __typename: "WebhookDelivery",
    id: "whd_1",
    cursor: "c1",
    sequence: 1,
    topic: "connection.live",
    state: "RETRYING",
    eventId: "evt_1",
    createdAt: "2026-11-21T10:00:00Z",
    nextAttemptAt: "2026-11-21T10:01:00Z",
    replayOf: null,
    attempts: [attempt],
  };
  const deliveries = {
    cursor: "now",
    edges: [{ cursor: "c1", node: delivery }],
    totalCount: 1,
    pageInfo: { hasNextPage: false, endCursor: null },
  };
  act(() =>
    environment.mock.resolveMostRecentOperation({
      data: { webhookEndpoint: { __typename: "WebhookEndpoint", id: "whe_1", topics: ["*"], deliveries } },
    }),
  );
  const table = await screen.findByRole("table");
  expect(within(table).getByText("Retrying")).toBeTruthy();
  expect(within(table).getByText(/503/)).toBeTruthy();
  const tail = waiting(environment, "DeliveriesTailSubscription")[0]!;
  expect(tail.request.variables).toMatchObject({ endpointId: "whe_1", after: "now" });
  await userEvent.click(within(table).getByRole("link"));
  expect(onSearch).toHaveBeenCalledWith({ delivery: "whd_1" });
});

test("the feed alone fills a list that was empty", async () => {
  const environment = createMockEnvironment();
  show(<Deliveries endpointId="whe_1" search={{}} onSearch={vi.fn()} />, environment);
  await waitFor(() => expect(waiting(environment, "DeliveriesQuery")).toHaveLength(1));
  const deliveries = { cursor: "then", edges: [], totalCount: 0, pageInfo: { hasNextPage: false, endCursor: null } };
  act(() =>
    environment.mock.resolveMostRecentOperation({
      data: { webhookEndpoint: { __typename: "WebhookEndpoint", id: "whe_1", topics: ["*"], deliveries } },
    }),
  );
  await waitFor(() => expect(waiting(environment, "DeliveriesTailSubscription")).toHaveLength(1));
  const tail = waiting(environment, "DeliveriesTailSubscription")[0]!;
  expect(tail.request.variables).toMatchObject({ after: "then" });
  const delivery = {
    id: "whd_1",
    cursor: "c1",
    topic: "nameplate.test",
    state: "PENDING",
    eventId: "evt_1",
    createdAt: "2026-11-21T10:00:00Z",
  };
  const rest = { __typename: "WebhookDelivery", sequence: 1, nextAttemptAt: null, replayOf: null, payload: null, attempts: [] };
  act(() => environment.mock.nextValue(tail, { data: { webhookDeliveries: { ...delivery, ...rest } } }));
  expect(within(await screen.findByRole("table")).getByText("nameplate.test")).toBeTruthy();
});
