import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { mock } from "../dev/mock.mjs";
import {
  type Connection,
  checkProgressSubscription,
  connectionQuery,
  markAddedMutation,
  progressSubscription,
  sessionQuery,
} from "./documents";
import { Refused } from "./fault";
import { type Link, Transport } from "./transport";

/** A real server with the product's schema, real requests and real sockets; only its world is pretend. */
let server: Awaited<ReturnType<typeof mock>>;
let transport: Transport;
let tokens: string[];
let links: Link[];
let ends: number;
let asked: boolean[];

beforeEach(async () => {
  server = await mock();
  server.world.pace = 0;
  [tokens, links, asked, ends] = [["good"], [], [], 0];
  transport = new Transport({
    api: server.url,
    publicKey: "np_pk_mock",
    locale: "en",
    token: async (fresh) => {
      asked.push(fresh);
      if (fresh && tokens.length > 1) tokens.shift();
      return tokens[0]!;
    },
    onLink: (link) => links.push(link),
    onEnded: () => ends++,
  });
});
afterEach(() => {
  transport.close();
  server.close();
});

const until = (check: () => boolean, what: string) => vi.waitFor(() => expect(check(), what).toBe(true), { timeout: 15_000, interval: 20 });

function follow(id: string) {
  const got: Connection[] = [];
  const errors: unknown[] = [];
  const variables = { id, locale: "en", domain: "acme.lab" };
  const stop = transport.watch(
    {
      document: progressSubscription,
      variables,
      poll: async () => ({ connectionProgress: (await transport.ask(connectionQuery, variables)).connection! }),
    },
    { next: (data) => got.push(data.connectionProgress), error: (error) => errors.push(error) },
  );
  return { got, errors, stop, state: () => got.at(-1)?.state };
}

describe("requests", () => {
  test("carry the document's id, the application in the address and the token in the header alone", async () => {
    const { widgetSession } = await transport.ask(sessionQuery, {});
    expect(widgetSession.application.name).toBe("Acme Shops");
    const request = server.requests.find((one) => one.body?.operationName === "documentsSessionQuery")!;
    expect(request.url).toBe("/graphql?app=np_pk_mock");
    expect(request.headers.authorization).toBe("Bearer good");
    expect(request.body?.documentId).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(request.body?.query).toBeUndefined();
    expect(request.headers["idempotency-key"]).toBeUndefined();
    expect(request.headers.cookie).toBeUndefined();
  });
  test("a mutation has a key of its own, the same when it is sent again", async () => {
    const c = server.world.add("shop.acme.lab", "manual");
    tokens = ["old", "good"];
    await transport.ask(markAddedMutation, { id: c.id });
    await transport.ask(markAddedMutation, { id: c.id });
    const keys = server.requests.filter((one) => one.url.startsWith("/graphql")).map((one) => one.headers["idempotency-key"]);
    expect(keys).toHaveLength(3);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });
  test("an ended token is replaced without anybody noticing", async () => {
    tokens = ["old", "good"];
    await expect(transport.ask(sessionQuery, {})).resolves.toBeDefined();
    expect(asked).toEqual([false, true]);
    expect(ends).toBe(0);
  });
  test("a fresh token that is refused too is the end of the session", async () => {
    tokens = ["old"];
    await expect(transport.ask(sessionQuery, {})).rejects.toBeInstanceOf(Refused);
    expect(ends).toBe(1);
  });
  test("an unknown document is refused with its reason", async () => {
    const unknown = { ...sessionQuery, id: `sha256:${"0".repeat(64)}` };
    const error = await transport.ask(unknown, {}).catch((error: Refused) => error);
    expect(error).toMatchObject({ faults: [{ extensions: { code: "NOT_FOUND", reason: "persisted_document_not_found" } }] });
  });
  test("a server that is not there is the network's no, not the server's", async () => {
    server.faults.requests = false;
    await expect(transport.ask(sessionQuery, {})).rejects.not.toBeInstanceOf(Refused);
    expect(ends).toBe(0);
  });
});

describe("live", () => {
  test("the state now, then every change", async () => {
    const c = server.world.add("shop.acme.lab", "manual");
    const feed = follow(c.id);
    await until(() => feed.state() === "ACTION_REQUIRED", "first message");
    server.world.set(c.id, "live");
    await until(() => feed.state() === "LIVE", "the change");
    expect(links).not.toContain("reconnecting");
  });
  test("a dropped socket: what was missed comes with the first message", async () => {
    const c = server.world.add("shop.acme.lab", "manual");
    const feed = follow(c.id);
    await until(() => feed.got.length === 1, "first message");
    server.cut(1001);
    server.world.set(c.id, "securing");
    await until(() => feed.state() === "SECURING", "the missed change");
    expect(asked.at(-1), "the token is asked for anew").toBe(true);
    expect(ends).toBe(0);
  });
  test("an ended token on the socket is replaced", async () => {
    const c = server.world.add("shop.acme.lab", "manual");
    const feed = follow(c.id);
    await until(() => feed.got.length === 1, "first message");
    tokens = ["good", "better"];
    server.world.tokens = new Set(["better"]);
    server.cut(4403);
    server.world.set(c.id, "live");
    await until(() => feed.state() === "LIVE", "the change");
    expect(ends).toBe(0);
  });
  test("two refusals in a row end the session; a new token goes on where we were", async () => {
    const c = server.world.add("shop.acme.lab", "manual");
    const feed = follow(c.id);
    await until(() => feed.got.length === 1, "first message");
    server.world.tokens = new Set(["other"]);
    server.cut(4403);
    await until(() => ends > 0, "the end");
    server.world.set(c.id, "live");
    tokens = ["other"];
    transport.resume();
    await until(() => feed.state() === "LIVE", "the change");
  });
  test("no sockets: server-sent events", async () => {
    server.faults.sockets = false;
    const c = server.world.add("shop.acme.lab", "manual");
    const feed = follow(c.id);
    await until(() => feed.got.length > 0, "a message without a socket");
    server.world.set(c.id, "live");
    await until(() => feed.state() === "LIVE", "the change");
    expect(server.requests.some((one) => one.headers.accept?.includes("text/event-stream"))).toBe(true);
    expect(server.requests.some((one) => one.body?.operationName === "documentsConnectionQuery")).toBe(false);
  });
  test("a socket that never opens: server-sent events", async () => {
    server.faults.silent = true;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true, advanceTimeDelta: 200 });
    try {
      const c = server.world.add("shop.acme.lab", "manual");
      const feed = follow(c.id);
      await until(() => feed.got.length > 0, "a message without a socket");
    } finally {
      vi.useRealTimers();
    }
  });
  test("no sockets, no events: asking every few seconds, until a socket is back", async () => {
    server.faults.sockets = server.faults.events = false;
    const c = server.world.add("shop.acme.lab", "manual");
    const feed = follow(c.id);
    await until(() => feed.got.length > 0, "an answer to asking");
    server.faults.sockets = true;
    server.world.set(c.id, "live");
    await until(() => feed.state() === "LIVE", "the change");
    await until(() => server.sockets() === 1, "a socket");
    const polls = () => server.requests.filter((one) => one.body?.operationName === "documentsConnectionQuery").length;
    const before = polls();
    server.world.set(c.id, "securing");
    await until(() => feed.state() === "SECURING", "a change by the socket");
    expect(polls()).toBe(before);
  }, 30_000);
  test("a stream that ends is over", async () => {
    let over = false;
    const keys: string[] = [];
    transport.watch(
      {
        document: checkProgressSubscription,
        variables: { hostname: "shop.acme.lab", applicationId: "app_1" },
        once: true,
        poll: () => Promise.reject(new Error("not asked")),
      },
      { next: ({ checkProgress }) => keys.push(checkProgress.key), error: () => {}, complete: () => (over = true) },
    );
    await until(() => over, "the end");
    expect(keys.at(-1)).toBe("result");
  });
  test("the server's no ends the subscription and is told", async () => {
    const feed = follow("con_unknown");
    await until(() => feed.errors.length === 1, "the refusal");
    expect(feed.errors[0]).toBeInstanceOf(Refused);
  });
  test("stopped means stopped", async () => {
    const c = server.world.add("shop.acme.lab", "manual");
    const feed = follow(c.id);
    await until(() => feed.got.length === 1, "first message");
    feed.stop();
    const other = follow(c.id);
    server.world.set(c.id, "live");
    await until(() => other.state() === "LIVE", "the change for the one that goes on");
    expect(feed.state()).toBe("ACTION_REQUIRED");
  });
});
