import type { Client } from "graphql-ws";
import { ended } from "./fault";
import { type Answer, Feed, type Sink, unwrap, type Watch, type Way, type Ways } from "./feed";
import type { Document } from "./graphql";

/**
 * How the widget talks to the server: requests by fetch, live data by the first of three ways that works. The socket is
 * tried for ever in the background; after three failures in a row server-sent events take over, after their failure
 * polling does, and both stop the moment a socket is back.
 *
 * The token is asked for anew before every connection and is never part of an address.
 */
export interface TransportOptions {
  /** Origin of the API, without a path. */
  api: string;
  publicKey: string;
  locale: string;
  /** `fresh`: the last one was refused, so a kept one is no use. Rejects when there is none. */
  token: (fresh: boolean) => Promise<string>;
  onLink: (link: Link) => void;
  /** The session is over: a fresh token was refused too. */
  onEnded: () => void;
}

export type Link = "up" | "reconnecting" | "offline";

const retryCeiling = 10_000;
const failuresBeforeEvents = 3;
const connectLimit = 8_000;

export class Transport {
  readonly #options: TransportOptions;
  readonly #feeds = new Set<Feed>();
  #socket: Client | undefined;
  #way: Way = "socket";
  #failures = 0;
  #refusals = 0;
  #connects = 0;
  #overlay: ReturnType<typeof setTimeout> | undefined;
  #hidden: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    addEventListener("online", this.#online);
    addEventListener("offline", this.#offline);
    document.addEventListener("visibilitychange", this.#visibility);
  }

  get #address() {
    return `${this.#options.api}/graphql?app=${encodeURIComponent(this.#options.publicKey)}`;
  }

  /** Sends a query or a mutation. Throws `Refused` for the server's no, anything else for the network's. */
  async ask<Variables, Data>(doc: Document<Variables, Data>, variables: Variables, press = newKey()): Promise<Data> {
    const body = JSON.stringify({ documentId: doc.id, operationName: doc.name, variables });
    for (let fresh = false; ; fresh = true) {
      const headers: Record<string, string> = {
        authorization: `Bearer ${await this.#options.token(fresh)}`,
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json;q=0.9",
        "accept-language": this.#options.locale,
      };
      if (doc.kind === "mutation") headers["idempotency-key"] = press;
      try {
        const response = await fetch(this.#address, {
          method: "POST",
          headers,
          body,
          credentials: "omit",
          referrerPolicy: "no-referrer",
          signal: AbortSignal.timeout(15_000),
        });
        return unwrap(await read<Data>(response));
      } catch (error) {
        if (!ended(error)) throw error;
        if (fresh) {
          this.#options.onEnded();
          throw error;
        }
      }
    }
  }

  /** Follows a subscription until the returned function is called, the server completes it, or refuses it. */
  watch<Variables, Data>(watch: Watch<Variables, Data>, sink: Sink<Data>): () => void {
    const feed = new Feed(watch as Watch<never, unknown>, sink as Sink<unknown>, this.#ways);
    this.#feeds.add(feed);
    feed.onDone = () => this.#feeds.delete(feed);
    if (!this.#paused) feed.start(this.#way);
    return () => {
      feed.stop();
      this.#feeds.delete(feed);
      if (this.#feeds.size === 0) this.#say("up");
    };
  }

  /** After a new token: forget the refusals and connect again. */
  resume() {
    this.#refusals = 0;
    for (const feed of this.#feeds) feed.restart(this.#way);
  }

  close() {
    this.#closed = true;
    removeEventListener("online", this.#online);
    removeEventListener("offline", this.#offline);
    document.removeEventListener("visibilitychange", this.#visibility);
    clearTimeout(this.#overlay);
    clearTimeout(this.#hidden);
    for (const feed of this.#feeds) feed.stop();
    this.#feeds.clear();
    // It waits for a connection that may never come, and says so by rejecting.
    void Promise.resolve(this.#socket?.dispose()).catch(() => {});
  }

  readonly #ways: Ways = {
    socket: async (watch, sink) => {
      const { createClient } = await import("./socket");
      return this.#client(createClient).subscribe(
        { query: "", operationName: watch.document.name, variables: watch.variables, extensions: { documentId: watch.document.id } },
        sink as never,
      );
    },
    events: async (watch, sink) => {
      const { follow } = await import("./sse");
      return follow(
        {
          url: this.#address,
          headers: async () => ({ authorization: `Bearer ${await this.#options.token(false)}`, "accept-language": this.#options.locale }),
        },
        watch,
        sink,
      );
    },
    socketFailed: () => {
      if (this.#refusals < 2 && this.#way === "socket") this.#choose("events");
    },
    eventsFailed: () => this.#choose("poll"),
    working: () => {
      if (this.#way !== "socket") this.#say("up");
    },
    ended: () => this.#options.onEnded(),
  };

  #client(createClient: typeof import("graphql-ws").createClient): Client {
    if (this.#socket) return this.#socket;
    let pongDue: ReturnType<typeof setTimeout> | undefined;
    let openDue: ReturnType<typeof setTimeout> | undefined;
    let attempt = false;
    // A refused connection raises an error and a close, one that the page's policy forbids an error alone.
    const over = () => {
      clearTimeout(openDue);
      clearTimeout(pongDue);
      if (attempt && this.#refusals < 2) this.#lost();
      attempt = false;
    };
    this.#socket = createClient({
      url: this.#address.replace(/^http/, "ws"),
      // The first refusal may only mean that the token's time was up; after it we ask for a new one.
      connectionParams: async () => {
        try {
          return { authorization: `Bearer ${await this.#options.token(this.#connects++ > 0)}` };
        } catch {
          // Throwing here would end the client for good.
          this.#refusals = 2;
          this.#options.onEnded();
          return {};
        }
      },
      lazyCloseTimeout: 2_000,
      keepAlive: 15_000,
      connectionAckWaitTimeout: 8_000,
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: (retries) => sleepUntilOnline(Math.min(retryCeiling, 500 * 2 ** Math.min(retries, 8)) * (0.5 + Math.random() / 2)),
      shouldRetry: () => !this.#closed && this.#refusals < 2,
      on: {
        // A proxy may swallow the attempt without a word.
        connecting: () => {
          attempt = true;
          clearTimeout(openDue);
          openDue = setTimeout(() => this.#feeds.size > 0 && this.#way === "socket" && this.#choose("events"), connectLimit);
        },
        connected: () => {
          clearTimeout(openDue);
          this.#failures = 0;
          this.#refusals = 0;
          this.#choose("socket");
          this.#say("up");
        },
        closed: (event) => {
          if ((event as CloseEvent).code === 4403) this.#refusals++;
          if (this.#refusals >= 2) this.#options.onEnded();
          over();
        },
        error: over,
        ping: (received) => {
          if (!received) pongDue = setTimeout(() => this.#socket?.terminate(), 8_000);
        },
        pong: (received) => {
          if (received) clearTimeout(pongDue);
        },
      },
    });
    return this.#socket;
  }

  #lost() {
    if (this.#closed || this.#feeds.size === 0) return;
    this.#failures++;
    if (this.#way === "socket" && this.#overlay === undefined) this.#overlay = setTimeout(() => this.#say("reconnecting"), 2_000);
    if (this.#failures >= failuresBeforeEvents && this.#way === "socket" && navigator.onLine) this.#choose("events");
  }

  #choose(way: Way) {
    if (this.#way === way) return;
    this.#way = way;
    for (const feed of this.#feeds) feed.change(way);
  }

  #say(link: Link) {
    clearTimeout(this.#overlay);
    this.#overlay = undefined;
    this.#options.onLink(navigator.onLine ? link : "offline");
  }

  #online = () => this.#say(this.#way === "socket" && this.#failures > 0 && this.#feeds.size > 0 ? "reconnecting" : "up");
  #offline = () => this.#say("offline");

  #paused = false;
  /** Nobody looks for a minute: stop asking. The state now comes with the first message when they are back. */
  #visibility = () => {
    clearTimeout(this.#hidden);
    if (document.hidden) {
      this.#hidden = setTimeout(() => {
        this.#paused = true;
        for (const feed of this.#feeds) feed.stop();
      }, 60_000);
    } else if (this.#paused) {
      this.#paused = false;
      for (const feed of this.#feeds) feed.start(this.#way);
    }
  };
}

async function read<Data>(response: Response): Promise<Answer<Data>> {
  const text = await response.text();
  try {
    return JSON.parse(text) as Answer<Data>;
  } catch {
    if (response.status === 429) return { errors: [{ message: "", extensions: { code: "RATE_LIMITED" } }] };
    throw new Error(`the answer is no JSON (status ${response.status})`);
  }
}

/** One key for one press of a button, the same over all its retries. Also where the page is no secure context. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function sleepUntilOnline(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });
}
