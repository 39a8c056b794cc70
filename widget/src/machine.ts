import type { CheckStep, Connection, ConnectionRow, DomainCheck, Session } from "./documents";
import { news } from "./events";
import type { Refusal } from "./fault";
import { asks, domainOf, place, stops } from "./place";
import { type Effect, initial, type Message, type State } from "./state";

// The flow of the widget as one pure function: what is on the screen, what may happen, what happens then.
//
//   boot → enter-domain → analysis → manual → progress → success
//            ↘ already (it is connected, or being connected, or somebody else's)
//            problem (something needs a person; never the end) · error (the end, with a reference)
//
// Once a connection exists the server decides where we are: `place` reads it from the connection's state, so a reload,
// another tab or another device continue at the same screen.

const bootLimit = 8_000;
const quietAfter = 120_000;

/** The one way to change a state. What the host page is told is derived from the difference, so no branch can forget it. */
export function step(state: State, message: Message): [State, Effect[]] {
  const [next, effects] = decide(state, message);
  return [next, [...effects, ...news(state, next, message)]];
}

type Outcome = [State, Effect[]];

function decide(s: State, m: Message): Outcome {
  switch (m.type) {
    case "opened":
      return [
        { ...initial, given: m.domain, typed: m.domain, resume: m.resume },
        [{ do: "session" }, { do: "wait", name: "boot", ms: bootLimit }],
      ];

    case "timeout":
      return s.screen === "boot" ? fail(s, "init_timeout", "") : [s, []];

    case "session":
      return s.screen === "boot" ? enter({ ...s, session: m.session }) : renewed(s, m.session);

    case "failed":
      return fail(s, failureCode(m.refusal), m.refusal.reference);

    case "typed":
      return [{ ...s, typed: m.text, refusal: null }, []];

    case "submitted": {
      const hostname = (m.hostname ?? s.typed).trim();
      if (s.busy || !s.session || !hostname) return [s, []];
      return analyse({ ...s, typed: hostname }, hostname);
    }

    case "step":
      return s.analysis && s.screen === "analysis" ? stepped(s, m.step) : [s, []];

    case "accepted":
      return s.analysis?.result ? start(s, s.analysis.result) : [s, []];

    case "picked":
      return follow({ ...s, busy: true, refusal: null }, m.row.id, m.row.zoneApex ?? m.row.registrableDomain);

    case "started": {
      const [next, effects] = arrive({ ...s, busy: false, connection: null }, m.connection);
      const { id } = m.connection;
      return [next, [...effects, { do: "follow", id, domain: domainOf(m.connection) }]];
    }

    case "connection":
      return arrive(s, m.connection);

    case "companion":
      // What belongs to a name that was left meanwhile is nobody's news.
      return [m.connection.id === s.connection?.companion?.connection?.id ? { ...s, companion: m.connection } : s, []];

    case "along": {
      const c = s.connection;
      if (s.busy || !s.session || !c?.companion) return [s, []];
      const { mode: companion } = c.companion;
      const start: Effect = {
        do: "start",
        hostname: c.hostname,
        applicationId: s.session.application.id,
        domain: domainOf(c),
        companion,
      };
      return [{ ...s, busy: true, refusal: null }, [start]];
    }

    case "acted":
      return arrive({ ...s, busy: false, refusal: null }, m.connection);

    case "refused":
      return refused({ ...s, busy: false }, m.refusal);

    case "explained":
      return [{ ...s, explained: { ...s.explained, [m.code]: m.explain } }, []];

    case "added":
      if (!s.connection || s.busy) return [s, []];
      return [{ ...s, added: true, view: null, busy: true, refusal: null, quiet: false }, [act("mark", s.connection)]];

    case "way": {
      if (!s.connection || !s.session || s.busy) return [s, []];
      const { hostname } = s.connection;
      const start = { do: "start", hostname, applicationId: s.session.application.id, domain: domainOf(s.connection), way: m.way } as const;
      return [{ ...s, busy: true, refusal: null }, [start]];
    }

    case "again":
      return again(s);

    case "resolved":
      if (!s.connection || s.busy) return [s, []];
      return [{ ...s, busy: true, refusal: null }, [{ do: "resolve", id: m.id, resolution: m.resolution, domain: domainOf(s.connection) }]];

    case "show":
      return s.connection ? [{ ...s, view: m.view, screen: place({ ...s, view: m.view }, s.connection) }, []] : [s, []];

    case "another":
      if (!s.session) return [s, []];
      return [
        { ...initial, session: s.session, link: s.link, screen: "enter-domain", typed: s.connection ? "" : s.typed },
        [{ do: "drop" }, ...(s.connection ? [{ do: "session" } as const] : [])],
      ];

    case "quiet":
      return [s.screen === "manual" || s.screen === "progress" ? { ...s, quiet: true } : s, []];

    case "link":
      return [{ ...s, link: m.link }, []];

    case "expired":
      // Before the first answer the refusal of that answer says more.
      return s.screen === "error" || s.screen === "boot" ? [s, []] : [{ ...s, overlay: "session-expired", busy: false }, []];

    case "renew":
      return [{ ...s, busy: true }, [{ do: "renew" }]];

    case "close":
      if (s.overlay === "exit-confirm") return [{ ...s, overlay: null }, []];
      return unfinished(s) ? [{ ...s, overlay: "exit-confirm" }, []] : [s, [{ do: "close" }]];

    case "stay":
      return [{ ...s, overlay: null }, []];

    case "leave":
      return [{ ...s, overlay: null }, [{ do: "close" }]];
  }
}

/** The session is there: continue where the person was, or ask for the name. */
function enter(s: State): Outcome {
  const session = s.session!;
  const given = session.hostname ?? s.given;
  const known = session.connections.filter((row) => row.state !== "ARCHIVED");
  const row = given
    ? known.find((row) => row.hostname === given || row.unicodeName === given)
    : (known.find((row) => row.id === s.resume && open(row)) ?? unfinishedRow(known));
  if (row) return follow({ ...s, given }, row.id, row.zoneApex ?? row.registrableDomain);
  if (given) return analyse({ ...s, given, typed: given }, given);
  return [{ ...s, screen: "enter-domain" }, []];
}

/** After a reload the only connection that is under way is where the person was. */
function unfinishedRow(rows: readonly ConnectionRow[]) {
  return rows.length === 1 && open(rows[0]!) ? rows[0] : undefined;
}

const open = (row: ConnectionRow) => row.state !== "LIVE" && row.state !== "DEGRADED";

/** A new token after the old one ended: everything stays as it is. Before that, a fresh list of connections. */
function renewed(s: State, session: Session): Outcome {
  return [{ ...s, session, busy: false, overlay: s.overlay === "session-expired" ? null : s.overlay }, []];
}

function analyse(s: State, hostname: string): Outcome {
  return [
    {
      ...s,
      screen: "analysis",
      refusal: null,
      held: false,
      connection: null,
      companion: null,
      witnessed: false,
      added: false,
      view: null,
      analysis: { hostname, steps: [], result: null },
    },
    [{ do: "drop" }, { do: "analyse", hostname, applicationId: s.session!.application.id }],
  ];
}

function stepped(s: State, row: CheckStep): Outcome {
  const analysis = s.analysis!;
  const result = row.result ?? analysis.result;
  // A row is sent again when its answer is there.
  const steps = row.key === "result" ? analysis.steps : [...analysis.steps.filter((other) => other.key !== row.key), row];
  const next: State = { ...s, analysis: { ...analysis, steps, result } };
  if (!row.result) return [next, []];
  if (row.result.existing) {
    const { connection } = row.result.existing;
    return follow(next, connection.id, connection.zoneApex ?? connection.registrableDomain);
  }
  if (stops(row.result)) return [{ ...next, screen: "problem" }, []];
  return asks(row.result) ? [next, []] : start(next, row.result);
}

function start(s: State, check: DomainCheck): Outcome {
  if (s.busy) return [s, []];
  return [
    { ...s, screen: "analysis", busy: true, witnessed: true },
    [
      {
        do: "start",
        hostname: check.hostname,
        applicationId: s.session!.application.id,
        domain: check.zone?.apex ?? check.registrableDomain,
      },
    ],
  ];
}

function follow(s: State, id: string, domain: string): Outcome {
  return [s, [{ do: "drop" }, { do: "follow", id, domain }]];
}

/** A connection as the server has it now. Older than what we hold, or the same again: dropped. */
function arrive(s: State, connection: Connection): Outcome {
  const held = s.connection?.id === connection.id ? s.connection : null;
  if (held && connection.version <= held.version) return [{ ...s, busy: false }, []];
  const moved = held?.state !== connection.state;
  const next: State = {
    ...s,
    connection,
    companion: s.companion?.id === connection.companion?.connection?.id ? s.companion : null,
    busy: false,
    quiet: false,
    witnessed: s.witnessed || connection.state !== "LIVE",
    // News that needs the person again beats what they wanted to look at.
    view: moved && (connection.state === "ACTION_REQUIRED" || connection.state === "LIVE") ? null : s.view,
    added: s.added && connection.state !== "ACTION_REQUIRED",
  };
  const screen = place(next, connection);
  const effects: Effect[] = [{ do: "wait", name: "quiet", ms: quietAfter }];
  const beside = connection.companion?.connection?.id;
  if (beside !== held?.companion?.connection?.id && beside) effects.push({ do: "beside", id: beside, domain: domainOf(connection) });
  const reason = connection.stateReason;
  if (screen === "problem" && reason && !connection.findings.some((f) => f.code === reason) && !s.explained[reason]) {
    effects.push({ do: "explain", code: reason });
  }
  return [{ ...next, screen }, effects];
}

function again(s: State): Outcome {
  if (s.busy) return [s, []];
  if (s.screen === "error")
    return [{ ...initial, given: s.given, typed: s.typed }, [{ do: "session" }, { do: "wait", name: "boot", ms: bootLimit }]];
  if (!s.connection) return s.analysis ? analyse(s, s.analysis.hostname) : [s, []];
  const verb = s.connection.state === "FAILED" ? "retry" : "check";
  return [{ ...s, busy: true, refusal: null, quiet: false }, [act(verb, s.connection)]];
}

function refused(s: State, refusal: Refusal): Outcome {
  if (s.screen === "boot") return fail(s, failureCode(refusal), refusal.reference);
  if (refusal.code === "UNAUTHENTICATED") return [{ ...s, overlay: "session-expired" }, []];
  if (refusal.reason === "held_elsewhere") {
    return [{ ...s, screen: "already", held: true, refusal }, [{ do: "explain", code: "held_elsewhere" }]];
  }
  // What was typed is kept, and the reason stands beside it. A name that nobody can type again has a screen of its own.
  if (s.screen === "analysis" && !s.connection) {
    const given = s.session?.hostname;
    return [{ ...s, refusal, screen: given ? "problem" : "enter-domain" }, []];
  }
  return [{ ...s, refusal }, []];
}

function fail(s: State, code: string, reference: string): Outcome {
  return [{ ...s, screen: "error", overlay: null, busy: false, failure: { code, reference } }, [{ do: "drop" }]];
}

/** The public error codes of the SDK. */
export function failureCode(refusal: Refusal): string {
  switch (refusal.code) {
    case "NETWORK":
      return "network";
    case "UNAUTHENTICATED":
      return ["token_expired", "origin_not_allowed"].includes(refusal.reason) ? refusal.reason : "token_invalid";
    case "FORBIDDEN":
      return "token_scope";
    case "QUOTA_EXCEEDED":
    case "ENTITLEMENT_REQUIRED":
      return "plan_limit";
    case "RATE_LIMITED":
      return "rate_limited";
    case "NOT_FOUND":
      return "misconfigured";
    default:
      return "internal";
  }
}

/** Closing now would look like giving up: say that we keep watching. */
function unfinished(s: State): boolean {
  return s.screen === "manual" || s.screen === "progress" || (s.screen === "analysis" && s.busy);
}

function act(verb: "mark" | "check" | "retry", c: Connection): Effect {
  return { do: verb, id: c.id, domain: domainOf(c) };
}
