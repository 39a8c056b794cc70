import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import { waiting } from "#/test/relay-test-utils.ts";
import { createMockEnvironment, show } from "#/test/render.tsx";
import { ApplicationKeys } from "./ApplicationKeys.tsx";
import { grouped } from "./scopes.ts";

const key = (id: string, description: string) => ({
  id,
  prefix: `npk_${id}`,
  lastFour: "wxyz",
  description,
  scopes: ["connection.read"],
  applicationId: "app_1",
  createdAt: "2026-11-01T00:00:00Z",
  expiresAt: null,
  lastUsedAt: null,
  lastUsedIp: null,
  revokedAt: null,
});

function Page() {
  const [creating, setCreating] = useState(false);
  const permissions = ["connection.read", "connection.start", "apikey.manage"];
  return (
    <ApplicationKeys organizationId="org_1" applicationId="app_1" permissions={permissions} creating={creating} onCreating={setCreating} />
  );
}

async function open(keys: ReturnType<typeof key>[]) {
  const environment = createMockEnvironment();
  show(<Page />, environment);
  await waitFor(() => expect(waiting(environment, "ApplicationKeysQuery")).toHaveLength(1));
  act(() =>
    environment.mock.resolveMostRecentOperation({
      data: {
        apiKeys: {
          edges: keys.map((node) => ({ cursor: node.id, node: { ...node, __typename: "ApiKey" } })),
          pageInfo: { hasNextPage: false, endCursor: null },
        },
      },
    }),
  );
  return environment;
}

test("a new key is shown once, and stands first in the list", async () => {
  const environment = await open([key("key_1", "Server")]);
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "New key" }));
  const dialog = await screen.findByRole("dialog");
  await user.type(within(dialog).getByLabelText("Name"), "CI");
  expect(within(dialog).getByRole("checkbox", { name: "apikey.manage" })).toHaveProperty("checked", false);
  await user.click(within(dialog).getByRole("button", { name: "Create key" }));
  const operation = environment.mock.getMostRecentOperation();
  expect(operation.request.variables).toMatchObject({
    input: { description: "CI", applicationId: "app_1", scopes: ["connection.read", "connection.start"], expireOthers: false },
  });
  const node = { ...key("key_2", "CI"), __typename: "ApiKey" };
  act(() => environment.mock.resolve(operation, { data: { createApiKey: { secret: "npk_secret", edge: { cursor: "c", node } } } }));
  expect(await screen.findByText("npk_secret")).toBeTruthy();
  expect(within(screen.getByRole("table")).getAllByRole("row")[1]?.textContent).toContain("CI");
  await user.click(screen.getByRole("button", { name: "I have stored it" }));
  expect(screen.queryByText("npk_secret")).toBeNull();
});

test("a revoked key leaves the list", async () => {
  const environment = await open([key("key_1", "Server"), key("key_2", "CI")]);
  const user = userEvent.setup();
  await user.click(await screen.findByRole("button", { name: "Actions for Server" }));
  await user.click(await screen.findByRole("menuitem", { name: "Revoke" }));
  await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Revoke" }));
  const operation = environment.mock.getMostRecentOperation();
  expect(operation.request.variables).toEqual({ id: "key_1" });
  act(() => environment.mock.resolve(operation, { data: { deleteApiKey: { ok: true } } }));
  await waitFor(() => expect(screen.queryByText("Server")).toBeNull());
  expect(screen.getByText("CI")).toBeTruthy();
});

test("without keys it says what they are for", async () => {
  await open([]);
  expect(await screen.findByText("No keys yet")).toBeTruthy();
});

test("scopes stand under their noun", () => {
  expect(grouped(["connection.read", "widget.mint", "connection.start"])).toEqual([
    ["connection", ["connection.read", "connection.start"]],
    ["widget", ["widget.mint"]],
  ]);
});
