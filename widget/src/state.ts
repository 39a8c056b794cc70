import type { CheckStep, Connection, ConnectionRow, DomainCheck, Explain, Pair, Resolution, Session } from "./documents";
import type { Emit } from "./events";
import type { Refusal } from "./fault";
import type { Link } from "./transport";

// What the widget's flow is made of: where it stands, what can happen to it, and what it asks for. What happens when, `machine` says.

export type Screen = "boot" | "enter-domain" | "already" | "analysis" | "manual" | "progress" | "success" | "problem" | "error";
export type Overlay = "exit-confirm" | "session-expired";

export interface Analysis {
  readonly hostname: string;
  readonly steps: readonly CheckStep[];
  readonly result: DomainCheck | null;
}

export interface State {
  readonly screen: Screen;
  readonly overlay: Overlay | null;
  readonly link: Link;
  readonly session: Session | null;
  /** What stands in the field, as typed. */
  readonly typed: string;
  /** A host name given by the token or the page: there is nothing to type. */
  readonly given: string;
  /** The connection that was open when the dialog was closed. */
  readonly resume: string;
  /** An operation that the person started is running. */
  readonly busy: boolean;
  readonly refusal: Refusal | null;
  readonly analysis: Analysis | null;
  readonly connection: Connection | null;
  /** The other one of www and the domain itself, once it was taken along. */
  readonly companion: Connection | null;
  /** Somebody else holds the name. */
  readonly held: boolean;
  /** We saw it before it was live: then going live is a success and not old news. */
  readonly witnessed: boolean;
  readonly added: boolean;
  /** What the person asked to see, against the place that the state suggests. */
  readonly view: "manual" | "progress" | null;
  /** Two minutes without news. */
  readonly quiet: boolean;
  /** Sentences for codes that came without one. */
  readonly explained: Readonly<Record<string, Explain>>;
  readonly failure: { readonly code: string; readonly reference: string } | null;
}

export type Message =
  | { type: "opened"; domain: string; resume: string }
  | { type: "session"; session: Session }
  | { type: "timeout" }
  | { type: "failed"; refusal: Refusal }
  | { type: "typed"; text: string }
  | { type: "submitted"; hostname?: string }
  | { type: "step"; step: CheckStep }
  | { type: "accepted" }
  | { type: "picked"; row: ConnectionRow }
  | { type: "connection"; connection: Connection }
  | { type: "companion"; connection: Connection }
  | { type: "along" }
  | { type: "started"; connection: Connection }
  | { type: "acted"; connection: Connection }
  | { type: "refused"; refusal: Refusal }
  | { type: "explained"; code: string; explain: Explain }
  | { type: "added" }
  | { type: "way"; way: Way }
  | { type: "again" }
  | { type: "resolved"; id: string; resolution: Resolution }
  | { type: "show"; view: "manual" | "progress" }
  | { type: "another" }
  | { type: "quiet" }
  | { type: "link"; link: Link }
  | { type: "expired" }
  | { type: "renew" }
  | { type: "close" }
  | { type: "stay" }
  | { type: "leave" };

/** How the records come into the zone, of those that the widget offers. */
export type Way = "MANUAL" | "DELEGATION";

export type Effect =
  | { do: "session" }
  | { do: "analyse"; hostname: string; applicationId: string }
  | { do: "start"; hostname: string; applicationId: string; domain: string; companion?: Pair["mode"]; way?: Way }
  | { do: "follow" | "beside"; id: string; domain: string }
  | { do: "drop" }
  | { do: "mark" | "check" | "retry"; id: string; domain: string }
  | { do: "resolve"; id: string; resolution: Resolution; domain: string }
  | { do: "explain"; code: string }
  | { do: "wait"; name: "boot" | "quiet"; ms: number }
  | { do: "renew" }
  | { do: "close" }
  | Emit;

export const initial: State = {
  screen: "boot",
  overlay: null,
  link: "up",
  session: null,
  typed: "",
  given: "",
  resume: "",
  busy: false,
  refusal: null,
  analysis: null,
  connection: null,
  companion: null,
  held: false,
  witnessed: false,
  added: false,
  view: null,
  quiet: false,
  explained: {},
  failure: null,
};
