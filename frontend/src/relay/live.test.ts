import type { AddressInfo } from "node:net";
import type { RequestParameters, Variables } from "relay-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

let server: WebSocketServer;
const subscribed: Variables[] = [];

beforeEach(async () => {
  subscribed.length = 0;
  vi.resetModules();
  vi.stubGlobal("WebSocket", WebSocket);
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  vi.stubGlobal("location", { protocol: "http:", host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` });
});

afterEach(async () => {
  for (const socket of server.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
});

type Talk = (
  socket: WebSocket,
  message: { id: string; payload: { variables: Variables; extensions: { documentId: string } } },
  attempt: number,
) => void;

/** A server of graphql-transport-ws that answers each subscribe as the test says. */
function serve(talk: Talk) {
  let attempt = 0;
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const message = JSON.parse(String(data));
      if (message.type === "connection_init") socket.send('{"type":"connection_ack"}');
      if (message.type === "ping") socket.send('{"type":"pong"}');
      if (message.type === "subscribe") {
        subscribed.push(message.payload.variables);
        talk(socket, message, attempt++);
      }
    });
  });
}

const params = { id: "cd".repeat(32), name: "LogSubscription", operationKind: "subscription", text: null } as unknown as RequestParameters;
const row = (id: string, sequence: number) => JSON.stringify({ id, type: "next", payload: { data: { line: { sequence } } } });

test("a stream whose socket is killed goes on after the last row, and each row comes once", async () => {
  serve((socket, { id, payload }, attempt) => {
    expect(payload.extensions.documentId).toBe(`sha256:${params.id}`);
    const after = Number(payload.variables.after ?? 0);
    // The second server is careless and sends one row again.
    const from = attempt === 0 ? after : after - 1;
    for (let n = from + 1; n <= (attempt === 0 ? 7 : 10); n++) socket.send(row(id, n));
    if (attempt === 0) setImmediate(() => socket.terminate());
    else socket.send(JSON.stringify({ id, type: "complete" }));
  });
  const { subscribe } = await import("./live.ts");
  const seen: number[] = [];
  let last = 0;
  type Data = { line: { sequence: number } };
  await new Promise<void>((resolve, reject) => {
    subscribe(
      params,
      { after: 0 },
      {
        metadata: {
          accept: (data: unknown) => (data as Data).line.sequence > last,
          advance: (data: unknown, variables: Variables) => {
            last = (data as Data).line.sequence;
            variables.after = last;
          },
        },
      },
    ).subscribe({
      next: (message) => seen.push((message as unknown as { data: Data }).data.line.sequence),
      error: reject,
      complete: () => resolve(),
    });
  });
  expect(subscribed.map((variables) => variables.after)).toEqual([0, 7]);
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("two refused credentials in a row end the session: one dialog, then everything subscribes again", async () => {
  let good = false;
  serve((socket, { id }) => {
    if (!good) return socket.close(4403, "Forbidden");
    socket.send(row(id, 1));
  });
  const { subscribe } = await import("./live.ts");
  const session = await import("./session.ts");
  const { renderHook, waitFor } = await import("@testing-library/react");
  const prompt = renderHook(() => session.usePrompt());
  // A server that refuses before it acknowledges: what a dead session looks like.
  server.removeAllListeners("connection");
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const message = JSON.parse(String(data));
      if (message.type === "connection_init") {
        if (good) socket.send('{"type":"connection_ack"}');
        else socket.close(4403, "Forbidden");
      }
      if (message.type === "subscribe") socket.send(row(message.id, 1));
    });
  });
  const next = vi.fn();
  const subscription = subscribe(params, {}).subscribe({ next });
  await waitFor(() => expect(prompt.result.current?.kind).toBe("session"), { timeout: 5_000 });
  good = true;
  prompt.result.current?.answer(true);
  await waitFor(() => expect(next).toHaveBeenCalled(), { timeout: 5_000 });
  subscription.unsubscribe();
});

test("a refused connection is tried again, with a wait that is capped and jittered", async () => {
  const { liveOptions } = await import("./live.ts");
  const options = liveOptions();
  expect(options.retryAttempts).toBe(Number.POSITIVE_INFINITY);
  expect(options.shouldRetry?.(new Event("error"))).toBe(true);
  vi.useFakeTimers();
  try {
    for (const [n, most] of [
      [0, 500],
      [3, 4_000],
      [20, 30_000],
    ] as const) {
      let done = false;
      void options.retryWait?.(n).then(() => {
        done = true;
      });
      await vi.advanceTimersByTimeAsync(most / 2 - 1);
      expect(done, `after half of ${most}`).toBe(false);
      await vi.advanceTimersByTimeAsync(most / 2 + 2);
      expect(done, `after ${most}`).toBe(true);
    }
  } finally {
    vi.useRealTimers();
  }
});
