import { type Client, type ClientOptions, createClient } from "graphql-ws";
import { useSyncExternalStore } from "react";
import { type CacheConfig, type GraphQLResponse, Observable, type RequestParameters, type Variables } from "relay-runtime";
import { ask } from "./session.ts";

/** Where the socket of this page stands. `since` is the time of the last change. */
export type LiveState = { status: "idle" | "connecting" | "live" | "reconnecting"; attempt: number; since: number };

/** What a subscription may bring in `cacheConfig.metadata`. */
export type Hooks = {
  /** False drops the message before it reaches the store (an older version of what we hold). */
  accept?: (data: unknown) => boolean;
  /** Moves `after`: graphql-ws serialises the variables anew for every attempt, so a reconnect goes on from there. */
  advance?: (data: unknown, variables: Variables) => void;
};

let state: LiveState = { status: "idle", attempt: 0, since: Date.now() };
const listeners = new Set<() => void>();
const reconnected = new Set<() => void>();

function move(status: LiveState["status"], attempt = 0) {
  if (state.status === status && state.attempt === attempt) return;
  state = { status, attempt, since: state.status === status ? state.since : Date.now() };
  for (const listener of listeners) listener();
}

/** Two refused credentials in a row: the session is over, not just the token. */
const refusals = { inRow: 0 };
const isRefusal = (event: unknown) => (event as CloseEvent | undefined)?.code === 4403;

export function liveOptions(): ClientOptions {
  let ping: ReturnType<typeof setTimeout> | undefined;
  let lost = false;
  return {
    url: () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
    lazy: true,
    lazyCloseTimeout: 5_000,
    keepAlive: 15_000,
    connectionAckWaitTimeout: 8_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (n) => new Promise((resolve) => setTimeout(resolve, Math.min(30_000, 500 * 2 ** n) * (0.5 + Math.random() / 2))),
    // The default stops at the first refused connection, because the browser's error event has no close code.
    shouldRetry: (event) => !(isRefusal(event) && refusals.inRow >= 2),
    on: {
      connecting: (retry) => move(retry || lost ? "reconnecting" : "connecting", state.attempt + (retry ? 1 : 0)),
      connected: () => {
        move("live");
        if (lost) for (const tell of reconnected) tell();
        lost = false;
      },
      message: () => {
        refusals.inRow = 0;
      },
      ping: (received) => {
        if (!received) ping = setTimeout(() => client?.terminate(), 8_000);
      },
      pong: (received) => {
        if (received) clearTimeout(ping);
      },
      closed: (event) => {
        clearTimeout(ping);
        if (isRefusal(event)) refusals.inRow++;
        const clean = (event as CloseEvent).code === 1000;
        lost = !clean;
        move(clean ? "idle" : "reconnecting", clean ? 0 : state.attempt + 1);
        if (refusals.inRow >= 2) void over();
      },
    },
  };
}

async function over() {
  if (await ask("session", { code: "UNAUTHENTICATED", message: "" })) {
    refusals.inRow = 0;
    for (const tell of restart) tell();
  }
}

let client: Client | undefined;
const restart = new Set<() => void>();

/** Relay's subscribe function over one graphql-ws client per page. */
export function subscribe(params: RequestParameters, given: Variables, config?: CacheConfig): Observable<GraphQLResponse> {
  const hooks = (config?.metadata ?? {}) as Hooks;
  return Observable.create((sink) => {
    const variables = { ...given };
    const start = () => {
      client ??= createClient(liveOptions());
      return client.subscribe<Record<string, unknown>>(
        { query: "", operationName: params.name, variables, extensions: { documentId: `sha256:${params.id}` } },
        {
          next: (message) => {
            if (message.data) {
              if (hooks.accept && !hooks.accept(message.data)) return;
              hooks.advance?.(message.data, variables);
            }
            sink.next(message as GraphQLResponse);
          },
          // After the last refusal the session dialog brings it back; any other error is the caller's.
          error: (error) => {
            if (!isRefusal(error)) sink.error(error instanceof Error ? error : new Error("live"));
          },
          complete: () => sink.complete(),
        },
      );
    };
    let stop = start();
    const again = () => {
      stop();
      stop = start();
    };
    restart.add(again);
    return () => {
      restart.delete(again);
      stop();
    };
  });
}

export function onReconnect(listener: () => void) {
  reconnected.add(listener);
  return () => reconnected.delete(listener);
}

export const liveNow = () => state;

export function useLive(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}
