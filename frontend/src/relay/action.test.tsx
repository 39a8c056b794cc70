import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { describe, expect, test, vi } from "vitest";
import { createMockEnvironment, waiting } from "#/test/relay-test-utils.ts";
import create from "./__generated__/KeyDialogCreateMutation.graphql.ts";
import mutation from "./__generated__/SettingsSaveMutation.graphql.ts";
import { Cancelled, RelayEnvironmentProvider, RequestFailed, useAction } from "./index.ts";

function setup(options: Parameters<typeof useAction>[1] = {}, document: unknown = mutation) {
  const environment = createMockEnvironment();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <RelayEnvironmentProvider environment={environment}>{children}</RelayEnvironmentProvider>
  );
  const hook = renderHook(() => useAction(document as never, options), { wrapper });
  return { environment, hook };
}

const variables = { input: { id: "con_1", version: 3, externalRef: "cust_42" } };
const refuse = (...faults: ConstructorParameters<typeof RequestFailed>[0]) => new RequestFailed(faults);

describe("useAction", () => {
  test("a double click makes one call with one key", async () => {
    const { environment, hook } = setup();
    act(() => {
      void hook.result.current.run(variables);
      void hook.result.current.run(variables);
    });
    const calls = waiting(environment, "SettingsSaveMutation");
    expect(calls).toHaveLength(1);
    expect(calls[0]?.request.cacheConfig?.metadata?.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(hook.result.current.pending).toBe(true);
  });

  test("the second click of a double click changes nothing, even after a quick answer; another change and a later press do", async () => {
    const now = vi.spyOn(performance, "now").mockReturnValue(1_000);
    const { environment, hook } = setup();
    const answer = () => act(() => environment.mock.rejectMostRecentOperation(refuse({ code: "CONFLICT", message: "no" })));
    act(() => void hook.result.current.run(variables));
    await answer();
    await waitFor(() => expect(hook.result.current.pending).toBe(false));
    now.mockReturnValue(1_400);
    act(() => void hook.result.current.run(variables));
    expect(waiting(environment, "SettingsSaveMutation")).toHaveLength(0);
    act(() => void hook.result.current.run({ input: { ...variables.input, externalRef: "cust_43" } }));
    expect(waiting(environment, "SettingsSaveMutation")).toHaveLength(1);
    await answer();
    await waitFor(() => expect(hook.result.current.pending).toBe(false));
    now.mockReturnValue(2_000);
    act(() => void hook.result.current.run({ input: { ...variables.input, externalRef: "cust_43" } }));
    expect(waiting(environment, "SettingsSaveMutation")).toHaveLength(1);
    now.mockRestore();
  });

  test("puts mistakes at their fields and focuses the first", async () => {
    const input = document.createElement("input");
    const focus = vi.spyOn(input, "focus");
    const form = { setErrors: vi.fn(), getInputNode: () => input };
    const { environment, hook } = setup({ form });
    act(() => void hook.result.current.run(variables));
    act(() => environment.mock.rejectMostRecentOperation(refuse({ code: "INVALID", message: "Too long.", field: "externalRef" })));
    await waitFor(() => expect(hook.result.current.failed?.has("INVALID")).toBe(true));
    expect(form.setErrors).toHaveBeenLastCalledWith({ externalRef: "Too long." });
    expect(focus).toHaveBeenCalled();
    expect(hook.result.current.pending).toBe(false);
  });

  test("a lost race becomes a choice, and overwriting sends the newer version", async () => {
    const { environment, hook } = setup();
    act(() => void hook.result.current.run(variables));
    act(() =>
      environment.mock.rejectMostRecentOperation(
        refuse({ code: "VERSION_CONFLICT", message: "changed", changedBy: "Ana", current: { version: 7 } }),
      ),
    );
    await waitFor(() => expect(hook.result.current.conflict?.fault.changedBy).toBe("Ana"));
    expect(hook.result.current.failed).toBeNull();
    act(() => hook.result.current.conflict?.overwrite());
    expect(environment.mock.getMostRecentOperation().request.variables).toMatchObject({ input: { version: 7, externalRef: "cust_42" } });
  });

  test("counts down when the server says when", async () => {
    const { environment, hook } = setup();
    act(() => void hook.result.current.run(variables));
    act(() => environment.mock.rejectMostRecentOperation(refuse({ code: "RATE_LIMITED", message: "slow down", retryAfter: 30 })));
    await waitFor(() => expect(hook.result.current.wait).toBeGreaterThan(28));
  });

  test("a closed dialog is no failure", async () => {
    const { environment, hook } = setup();
    act(() => void hook.result.current.run(variables));
    act(() => environment.mock.rejectMostRecentOperation(new Cancelled()));
    await waitFor(() => expect(hook.result.current.pending).toBe(false));
    expect(hook.result.current.failed).toBeNull();
  });

  test("a secret is handed over and then no longer in the store", async () => {
    const onDone = vi.fn();
    const { environment, hook } = setup({ secretOf: "createApiKey", onDone }, create);
    act(() => void hook.result.current.run({ input: { description: "CI" }, connections: [] } as never));
    const node = { id: "key_1", prefix: "npk_a", lastFour: "wxyz", description: "CI", scopes: [], createdAt: "2026-01-01T00:00:00Z" };
    act(() =>
      environment.mock.resolveMostRecentOperation({
        data: {
          createApiKey: {
            secret: "npk_the_secret",
            edge: {
              cursor: "c",
              node: { ...node, applicationId: null, expiresAt: null, lastUsedAt: null, lastUsedIp: null, revokedAt: null },
            },
          },
        },
      }),
    );
    await waitFor(() => expect(onDone).toHaveBeenCalled());
    expect(onDone.mock.calls[0]?.[0].createApiKey.secret).toBe("npk_the_secret");
    expect(JSON.stringify(environment.getStore().getSource())).not.toContain("npk_the_secret");
  });
});
