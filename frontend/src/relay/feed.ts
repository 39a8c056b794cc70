import { useEffect, useEffectEvent, useRef, useState } from "react";
import { useRelayEnvironment } from "react-relay/hooks";
import { type GraphQLTaggedNode, type OperationType, requestSubscription } from "relay-runtime";
import { type Hooks, liveNow, onReconnect, useLive } from "./live.ts";

const HIDDEN_MS = 60_000;
const WITHOUT_SOCKET_MS = 30_000;
const POLL_MS = 15_000;
const SETTLE_MS = 500;

export type FeedState = "live" | "reconnecting" | "paused";

/** True until the tab has been hidden for a minute; subscriptions close then and open again when it is shown. */
export function useAwake(): boolean {
  const [awake, setAwake] = useState(true);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => setAwake(false), HIDDEN_MS);
      else setAwake(true);
    };
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return awake;
}

type Feed<T extends OperationType> = {
  subscription: GraphQLTaggedNode;
  variables: T["variables"];
  /** Nothing is subscribed while false. */
  enabled?: boolean;
  accept?: (data: T["response"]) => boolean;
  advance?: (data: T["response"], variables: T["variables"]) => void;
  onNext?: (data: T["response"]) => void;
  onCompleted?: () => void;
  /** Reads the page's query again: after a gap, and every 15 s while there is no socket for 30 s. */
  reread?: () => void;
  /** Opaque point of a list feed; the same value after a gap means that nothing was missed. */
  position?: (data: T["response"]) => string | null | undefined;
};

/** One subscription of a screen, with everything that keeps it honest over dropped sockets and hidden tabs. */
export function useFeed<T extends OperationType>(feed: Feed<T>): FeedState {
  const environment = useRelayEnvironment();
  const awake = useAwake();
  const live = useLive();
  const on = awake && feed.enabled !== false;
  const last = useRef<string | null>(null);
  const gap = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const accept = useEffectEvent((data: unknown) => feed.accept?.(data) ?? true);
  const advance = useEffectEvent((data: unknown, variables: T["variables"]) => feed.advance?.(data, variables));
  const reread = useEffectEvent(() => feed.reread?.());
  const completed = useEffectEvent(() => feed.onCompleted?.());
  const next = useEffectEvent((data: T["response"]) => {
    const position = feed.position?.(data) ?? null;
    if (gap.current) {
      gap.current = false;
      if (!position || position !== last.current) {
        clearTimeout(timer.current);
        timer.current = setTimeout(() => reread(), SETTLE_MS);
      }
    }
    last.current = position ?? last.current;
    feed.onNext?.(data);
  });

  const key = JSON.stringify(feed.variables);
  // biome-ignore lint/correctness/useExhaustiveDependencies: variables count by value, in `key`
  useEffect(() => {
    if (!on) return;
    const metadata: Hooks = { accept, advance };
    const subscription = requestSubscription<T>(environment, {
      subscription: feed.subscription,
      variables: feed.variables,
      cacheConfig: { metadata },
      onNext: (data) => data && next(data),
      onCompleted: () => completed(),
      onError: () => {},
    });
    return () => {
      subscription.dispose();
      gap.current = last.current !== null;
    };
  }, [environment, on, key, feed.subscription]);

  useEffect(() => {
    const off = onReconnect(() => {
      gap.current = true;
    });
    return () => {
      off();
    };
  }, []);

  useEffect(() => {
    if (!on || live.status === "live") return;
    const poll = setInterval(() => {
      if (liveNow().status !== "live" && Date.now() - liveNow().since > WITHOUT_SOCKET_MS) reread();
    }, POLL_MS);
    return () => clearInterval(poll);
  }, [on, live.status]);

  useEffect(() => () => clearTimeout(timer.current), []);

  if (!on) return "paused";
  return live.status === "reconnecting" ? "reconnecting" : "live";
}
