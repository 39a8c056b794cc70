import {
  type Connection,
  checkMutation,
  checkProgressSubscription,
  connectionQuery,
  domainCheckQuery,
  explainQuery,
  markAddedMutation,
  progressSubscription,
  resolveConflictMutation,
  retryMutation,
  sessionQuery,
  startMutation,
} from "./documents";
import type { EventType } from "./events";
import { refusal } from "./fault";
import type { Document } from "./graphql";
import { step } from "./machine";
import { type Effect, initial, type Message, type State } from "./state";
import { newKey, Transport } from "./transport";

/** What the custom element gives to the app that runs in it. */
export interface Host {
  readonly api: string;
  readonly publicKey: string;
  readonly domain: string;
  /** The connection that was open when the dialog was closed last, for as long as the element lives. */
  readonly resume: string;
  token(fresh: boolean): Promise<string>;
  emit(type: EventType, detail: Record<string, unknown>): void;
  close(): void;
}

/** Runs the effects that the reducer asks for, and nothing else decides here. */
export class Controller {
  state: State = initial;
  readonly #host: Host;
  readonly #locale: string;
  readonly #render: () => void;
  readonly #transport: Transport;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #watching: (() => void) | undefined;
  #beside: (() => void) | undefined;

  constructor(host: Host, locale: string, render: () => void) {
    this.#host = host;
    this.#locale = locale;
    this.#render = render;
    this.#transport = new Transport({
      api: host.api,
      publicKey: host.publicKey,
      locale,
      token: (fresh) => host.token(fresh),
      onLink: (link) => this.send({ type: "link", link }),
      onEnded: () => this.send({ type: "expired" }),
    });
  }

  start() {
    if (!this.#host.publicKey) {
      this.send({ type: "failed", refusal: { ...refusal(null), code: "NOT_FOUND" } });
      return;
    }
    this.send({ type: "opened", domain: this.#host.domain, resume: this.#host.resume });
  }

  send = (message: Message) => {
    if (!this.running) return;
    const [next, effects] = step(this.state, message);
    const changed = next !== this.state;
    this.state = next;
    if (changed) this.#render();
    for (const effect of effects) this.#run(effect);
  };

  running = true;

  stop() {
    this.running = false;
    this.#watching?.();
    this.#beside?.();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#transport.close();
  }

  #run(effect: Effect) {
    const transport = this.#transport;
    const locale = this.#locale;
    switch (effect.do) {
      case "session":
        return this.#try(async () => {
          const { widgetSession } = await transport.ask(sessionQuery, {});
          this.#cancel("boot");
          this.send({ type: "session", session: widgetSession });
        });
      case "renew":
        return this.#try(async () => {
          await this.#host.token(true);
          const { widgetSession } = await transport.ask(sessionQuery, {});
          transport.resume();
          this.send({ type: "session", session: widgetSession });
        });
      case "analyse":
        return this.#analyse(effect.hostname, effect.applicationId);
      case "follow":
        this.#watching?.();
        this.#watching = this.#follow(effect, "connection");
        return;
      case "beside":
        this.#beside?.();
        this.#beside = this.#follow(effect, "companion");
        return;
      case "drop":
        this.#watching?.();
        this.#beside?.();
        this.#watching = this.#beside = undefined;
        return this.#cancel("quiet");
      case "start":
        return this.#try(async () => {
          const { applicationId, hostname, companion, way: preferredMethod } = effect;
          const input = { applicationId, hostname, companion, preferredMethod };
          const { startConnection } = await transport.ask(startMutation, { input, locale, domain: effect.domain }, newKey());
          this.send({ type: "started", connection: startConnection.connection });
        });
      case "mark":
        return this.#act(markAddedMutation, effect, (data) => data.markRecordsAdded.connection);
      case "check":
        return this.#act(checkMutation, effect, (data) => data.checkConnection.connection);
      case "retry":
        return this.#act(retryMutation, effect, (data) => data.retryConnection.connection);
      case "resolve":
        return this.#try(async () => {
          const { id, resolution, domain } = effect;
          const { resolveConflict } = await transport.ask(resolveConflictMutation, { id, resolution, domain, locale });
          this.send({ type: "acted", connection: resolveConflict.connection });
        });
      case "explain":
        return void this.#explain(effect.code);
      case "wait":
        this.#cancel(effect.name);
        this.#timers.set(
          effect.name,
          setTimeout(() => this.send({ type: effect.name === "boot" ? "timeout" : "quiet" }), effect.ms),
        );
        return;
      case "emit":
        return this.#host.emit(effect.type, effect.detail);
      case "close":
        return this.#host.close();
    }
  }

  #cancel(name: string) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  #analyse(hostname: string, applicationId: string) {
    this.#watching?.();
    const variables = { hostname, applicationId, locale: this.#locale };
    this.#watching = this.#transport.watch(
      {
        document: checkProgressSubscription,
        variables,
        once: true,
        poll: async () => {
          const { domainCheck } = await this.#transport.ask(domainCheckQuery, variables);
          return { checkProgress: { key: "result", state: "DONE" as const, text: "", result: domainCheck } };
        },
      },
      {
        next: ({ checkProgress }) => this.send({ type: "step", step: checkProgress }),
        error: (error) => this.#refused(error),
      },
    );
  }

  #follow({ id, domain }: { id: string; domain: string }, type: "connection" | "companion") {
    const variables = { id, domain, locale: this.#locale };
    return this.#transport.watch(
      {
        document: progressSubscription,
        variables,
        poll: async () => {
          const { connection } = await this.#transport.ask(connectionQuery, variables);
          if (!connection) throw new Error("the connection is gone");
          return { connectionProgress: connection };
        },
      },
      {
        next: ({ connectionProgress }) => this.send({ type, connection: connectionProgress }),
        error: (error) => this.#refused(error),
      },
    );
  }

  #act<Data>(
    document: Document<{ id: string; domain?: string | null; locale?: string | null }, Data>,
    { id, domain }: { id: string; domain: string },
    pick: (data: Data) => Connection,
  ) {
    this.#try(async () => {
      const data = await this.#transport.ask(document, { id, domain, locale: this.#locale });
      this.send({ type: "acted", connection: pick(data) });
    });
  }

  #try(work: () => Promise<void>) {
    work().catch((error) => this.#refused(error));
  }

  #refused(error: unknown) {
    this.send({ type: "refused", refusal: refusal(error) });
  }

  async #explain(code: string) {
    try {
      const { explain } = await this.#transport.ask(explainQuery, { code, locale: this.#locale });
      this.send({ type: "explained", code, explain });
    } catch {
      // The screen says what it knows without it.
    }
  }
}
