import { MantineProvider } from "@mantine/core";
import { createMemoryHistory, createRootRoute, createRoute, createRouter, Outlet, RouterProvider } from "@tanstack/react-router";
import { act, render, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { Suspense } from "react";
import type { Environment } from "relay-runtime";
import { expect } from "vitest";
import { RelayEnvironmentProvider } from "#/relay/index.ts";
import { Permissions } from "#/ui/Permissions.ts";
import { theme } from "#/ui/theme.ts";
import * as relayTestUtils from "./relay-test-utils.ts";
import { type MockEnvironment, waiting } from "./relay-test-utils.ts";

export const { createMockEnvironment, MockPayloadGenerator } = relayTestUtils;

const all = [
  "connection.check",
  "connection.setup",
  "connection.write",
  "connection.archive",
  "connection.transfer",
  "certificate.write",
  "application.write",
  "application.archive",
];
const more = ["webhook.write", "webhook.replay", "webhook.read"];

/** Shows something as a page would: theme, router, Relay, permissions. */
export function show(node: ReactNode, environment: Environment, permissions: readonly string[] = [...all, ...more]) {
  const root = createRootRoute({ component: Outlet });
  const page = createRoute({
    getParentRoute: () => root,
    path: "$",
    component: () => (
      <main>
        <Suspense fallback={<p>loading</p>}>{node}</Suspense>
      </main>
    ),
  });
  const router = createRouter({
    routeTree: root.addChildren([page]),
    history: createMemoryHistory({ initialEntries: ["/acme/test"] }),
  });
  return {
    router,
    ...render(
      <MantineProvider theme={theme} env="test">
        <RelayEnvironmentProvider environment={environment}>
          <Permissions value={permissions}>
            <RouterProvider router={router as never} />
          </Permissions>
        </RelayEnvironmentProvider>
      </MantineProvider>,
    ),
  };
}

/** Only the theme. */
export function plain(node: ReactNode) {
  return render(
    <MantineProvider theme={theme} env="test">
      {node}
    </MantineProvider>,
  );
}

/** Answers the operation of a name once it is asked. */
export async function answer(environment: MockEnvironment, name: string, resolvers: Parameters<typeof MockPayloadGenerator.generate>[1]) {
  await waitFor(() => expect(waiting(environment, name).length).toBeGreaterThan(0));
  const operation = waiting(environment, name)[0]!;
  act(() => environment.mock.resolve(operation, MockPayloadGenerator.generate(operation, resolvers)));
}
