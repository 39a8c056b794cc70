import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { createMockEnvironment, waiting } from "#/test/relay-test-utils.ts";
import subscription from "./__generated__/DomainsTableFeedSubscription.graphql.ts";
import { RelayEnvironmentProvider, useFeed } from "./index.ts";
import type { Hooks } from "./live.ts";

const reconnected = vi.hoisted(() => new Set<() => void>());
vi.mock("./live.ts", async (original) => ({
  ...(await original<object>()),
  onReconnect: (listener: () => void) => {
    reconnected.add(listener);
    return () => reconnected.delete(listener);
  },
}));

type Message = { connectionsChanged: { position: string; counts: []; connection: null } };
const message = (position: string): Message => ({ connectionsChanged: { position, counts: [], connection: null } });

function setup() {
  const environment = createMockEnvironment();
  const reread = vi.fn();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <RelayEnvironmentProvider environment={environment}>{children}</RelayEnvironmentProvider>
  );
  const hook = renderHook(
    () =>
      useFeed({
        subscription,
        variables: { organizationId: "org_1" },
        reread,
        position: (data) => (data as Message).connectionsChanged.position,
      }),
    { wrapper },
  );
  const say = (position: string) => {
    const operation = waiting(environment, "DomainsTableFeedSubscription").at(-1)!;
    act(() => environment.mock.nextValue(operation, { data: message(position) }));
  };
  return { environment, hook, reread, say };
}

const drop = () => act(() => reconnected.forEach((tell) => void tell()));

describe("useFeed", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    return () => vi.useRealTimers();
  });

  test("reads the list again after a gap in which something happened, once it is quiet", () => {
    const { reread, say } = setup();
    say("p1");
    drop();
    say("p2");
    expect(reread).not.toHaveBeenCalled();
    act(() => void vi.advanceTimersByTime(600));
    expect(reread).toHaveBeenCalledOnce();
  });

  test("does not when the position says that nothing was missed", () => {
    const { reread, say } = setup();
    say("p1");
    drop();
    say("p1");
    act(() => void vi.advanceTimersByTime(5_000));
    expect(reread).not.toHaveBeenCalled();
  });

  test("reads by itself while there has been no socket for half a minute", () => {
    const { reread } = setup();
    act(() => void vi.advanceTimersByTime(62_000));
    expect(reread.mock.calls.length).toBeGreaterThanOrEqual(1);
  });

  test("a tab that was hidden for a minute lets go, and takes up again when it is shown", () => {
    const { environment, hook } = setup();
    const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    act(() => void document.dispatchEvent(new Event("visibilitychange")));
    act(() => void vi.advanceTimersByTime(59_000));
    expect(hook.result.current).not.toBe("paused");
    act(() => void vi.advanceTimersByTime(2_000));
    expect(hook.result.current).toBe("paused");
    expect(waiting(environment, "DomainsTableFeedSubscription")).toHaveLength(0);
    hidden.mockReturnValue(false);
    act(() => void document.dispatchEvent(new Event("visibilitychange")));
    expect(waiting(environment, "DomainsTableFeedSubscription")).toHaveLength(1);
  });

  test("hands the transport what it needs to judge a message", () => {
    const { environment } = setup();
    const { accept } = waiting(environment, "DomainsTableFeedSubscription")[0]!.request.cacheConfig!.metadata as Hooks;
    expect(accept?.(message("p1"))).toBe(true);
  });
});
