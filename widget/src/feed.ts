import { ended, type Fault, Refused } from "./fault";
import type { Document } from "./graphql";

export interface Sink<Data> {
  next: (data: Data) => void;
  /** The server refused; nothing more comes. Lost connections never end here. */
  error: (error: unknown) => void;
  complete?: () => void;
}

export interface Watch<Variables, Data> {
  document: Document<Variables, Data>;
  variables: Variables;
  /** The same answer as a request. `pause` is how long to wait before the next, 0 for a stream that ends. */
  poll: () => Promise<Data>;
  once?: boolean;
}

export interface Answer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly Fault[];
}

export type Way = "socket" | "events" | "poll";

export interface Ways {
  socket: (watch: Watch<never, unknown>, sink: RawSink) => Promise<() => void>;
  events: (watch: Watch<never, unknown>, sink: RawSink) => Promise<() => void>;
  socketFailed: () => void;
  eventsFailed: () => void;
  working: () => void;
  ended: () => void;
}

export interface RawSink {
  next: (answer: Answer<unknown>) => void;
  error: (error: unknown) => void;
  complete: () => void;
}

/** One subscription, on whichever way works now. The socket's attempt goes on beside the other ways. */
export class Feed {
  onDone: () => void = () => {};
  #socket: (() => void) | undefined;
  #other: (() => void) | undefined;
  #running = false;

  constructor(
    private readonly watch: Watch<never, unknown>,
    private readonly sink: Sink<unknown>,
    private readonly ways: Ways,
  ) {}

  start(way: Way) {
    if (this.#running) return;
    this.#running = true;
    this.#socket = this.#stream(this.ways.socket, this.ways.socketFailed);
    this.change(way);
  }

  stop() {
    this.#running = false;
    this.#socket?.();
    this.#socket = undefined;
    this.#other?.();
    this.#other = undefined;
  }

  restart(way: Way) {
    this.stop();
    this.start(way);
  }

  change(way: Way) {
    this.#other?.();
    this.#other = undefined;
    if (!this.#running) return;
    if (way === "events") this.#other = this.#stream(this.ways.events, this.ways.eventsFailed);
    if (way === "poll") this.#poll();
  }

  /** Opens a stream; `failed` is called when the way does not work, not when the server says no. */
  #stream(open: Ways["socket"], failed: () => void): () => void {
    let gone = false;
    let close: (() => void) | undefined;
    const fail = () => !gone && failed();
    open(this.watch, {
      next: (answer) => {
        if (gone) return;
        try {
          this.sink.next(unwrap(answer));
          this.ways.working();
        } catch (error) {
          this.#refused(error);
        }
      },
      error: (error) => {
        if (gone) return;
        if (Array.isArray(error)) this.#refused(new Refused(error));
        else fail();
      },
      complete: () => {
        if (gone) return;
        this.stop();
        this.onDone();
        this.sink.complete?.();
      },
    }).then((stop) => {
      if (gone) stop();
      close = stop;
    }, fail);
    return () => {
      gone = true;
      close?.();
    };
  }

  #refused(error: unknown) {
    this.stop();
    if (ended(error)) return this.ways.ended();
    this.onDone();
    this.sink.error(error);
  }

  #poll() {
    let timer: ReturnType<typeof setTimeout>;
    let gone = false;
    const turn = async () => {
      let pause = 5_000;
      try {
        const data = await this.watch.poll();
        if (gone) return;
        this.ways.working();
        this.sink.next(data);
        if (this.watch.once) return;
      } catch (error) {
        if (gone) return;
        const code = error instanceof Refused ? error.faults[0]?.extensions?.code : undefined;
        if (code === "RATE_LIMITED") pause = 8_000;
        else if (code && code !== "UNAVAILABLE" && code !== "INTERNAL") return this.#refused(error);
      }
      timer = setTimeout(turn, pause);
    };
    this.#other = () => {
      gone = true;
      clearTimeout(timer);
    };
    void turn();
  }
}

/** A part that failed beside others that did not is no reason to show nothing. */
export function unwrap<Data>({ data, errors }: Answer<Data>): Data {
  if (data != null && (!errors?.length || Object.values(data).some((value) => value != null))) return data;
  if (errors?.length) throw new Refused(errors);
  throw new Error("the answer has no data");
}
