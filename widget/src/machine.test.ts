import { describe, expect, test } from "vitest";
import type { Connection } from "./documents";
import { step } from "./machine";
import { place, trouble } from "./place";
import { analysing, check, checkStep, connection, finding, on, ready, record, refusal, row, screens, session } from "./samples";
import { type Effect, initial, type Message, type State } from "./state";

const run = (state: State, ...messages: Message[]): [State, Effect[]] => {
  const all: Effect[] = [];
  for (const message of messages) {
    const [next, effects] = step(state, message);
    state = next;
    all.push(...effects);
  }
  return [state, all];
};
const does = (effects: Effect[]) => effects.filter((effect) => effect.do !== "emit").map((effect) => effect.do);
const heard = (effects: Effect[]) => effects.flatMap((effect) => (effect.do === "emit" ? [effect.type] : []));

describe("boot", () => {
  const opened = step(initial, { type: "opened", domain: "", resume: "" });
  test("asks for the session and waits eight seconds", () => {
    expect(opened[1]).toContainEqual({ do: "session" });
    expect(opened[1]).toContainEqual({ do: "wait", name: "boot", ms: 8000 });
    expect(step(opened[0], { type: "timeout" })[0]).toMatchObject({ screen: "error", failure: { code: "init_timeout" } });
  });
  test("first time: the field", () => {
    const [s, effects] = step(opened[0], { type: "session", session });
    expect(s.screen).toBe("enter-domain");
    expect(heard(effects)).toEqual(["ready", "step"]);
  });
  test("the answer came, so the clock no longer matters", () => {
    expect(run(opened[0], { type: "session", session }, { type: "timeout" })[0].screen).toBe("enter-domain");
  });
  test("a name in the token is analysed at once", () => {
    const [s, effects] = step(opened[0], { type: "session", session: { ...session, hostname: "shop.acme.lab" } });
    expect(s.screen).toBe("analysis");
    expect(effects).toContainEqual({ do: "analyse", hostname: "shop.acme.lab", applicationId: "app_1" });
  });
  test("a name from the page whose connection exists is followed", () => {
    const [, effects] = run(
      initial,
      { type: "opened", domain: row.hostname, resume: "" },
      { type: "session", session: { ...session, connections: [row] } },
    );
    expect(effects).toContainEqual({ do: "follow", id: "con_1", domain: "acme.lab" });
  });
  test("reload: the one connection under way is where we go on", () => {
    const [s, effects] = run(
      opened[0],
      { type: "session", session: { ...session, connections: [row] } },
      { type: "connection", connection },
    );
    expect(effects).toContainEqual({ do: "follow", id: "con_1", domain: "acme.lab" });
    expect(s.screen).toBe("manual");
  });
  test("a live one is not reopened, several are shown", () => {
    for (const connections of [[{ ...row, state: "LIVE" as const }], [row, { ...row, id: "con_2" }]]) {
      expect(step(opened[0], { type: "session", session: { ...session, connections } })[0].screen).toBe("enter-domain");
    }
  });
  test("the resume key picks among several", () => {
    const [, effects] = run(
      initial,
      { type: "opened", domain: "", resume: "con_2" },
      { type: "session", session: { ...session, connections: [row, { ...row, id: "con_2" }] } },
    );
    expect(effects).toContainEqual({ do: "follow", id: "con_2", domain: "acme.lab" });
  });
  test("refusals are the end of it, with a public code", () => {
    for (const [code, reason, want] of [
      ["UNAUTHENTICATED", "token_expired", "token_expired"],
      ["UNAUTHENTICATED", "token_invalid", "token_invalid"],
      ["UNAUTHENTICATED", "origin_not_allowed", "origin_not_allowed"],
      ["FORBIDDEN", "", "token_scope"],
      ["NETWORK", "", "network"],
      ["INTERNAL", "", "internal"],
      ["NOT_FOUND", "persisted_document_not_found", "misconfigured"],
      ["QUOTA_EXCEEDED", "", "plan_limit"],
      ["RATE_LIMITED", "", "rate_limited"],
    ]) {
      const [s, effects] = step(opened[0], { type: "refused", refusal: { ...refusal, code: code!, reason: reason! } });
      expect(s.failure?.code).toBe(want);
      expect(heard(effects)).toEqual(["step", "error"]);
    }
  });
  test("trying again starts over and keeps what the page gave", () => {
    const failed = run(initial, { type: "opened", domain: "a.lab", resume: "" }, { type: "timeout" })[0];
    const [s, effects] = step(failed, { type: "again" });
    expect(s).toMatchObject({ screen: "boot", given: "a.lab" });
    expect(does(effects)).toEqual(["session", "wait"]);
  });
});

describe("analysis", () => {
  test("submitting asks once, and nothing while nothing is typed", () => {
    expect(step({ ...ready, typed: "  " }, { type: "submitted" })[1]).toEqual([]);
    const [s, effects] = step({ ...ready, typed: " shop.acme.lab " }, { type: "submitted" });
    expect(s.screen).toBe("analysis");
    expect(does(effects)).toEqual(["drop", "analyse"]);
  });
  test("rows are shown as they are answered, each once", () => {
    const [s] = run(
      analysing,
      { type: "step", step: checkStep("delegation", "RUNNING") },
      { type: "step", step: checkStep("delegation") },
      { type: "step", step: checkStep("provider") },
    );
    expect(s.analysis?.steps.map((one) => [one.key, one.state])).toEqual([
      ["delegation", "DONE"],
      ["provider", "DONE"],
    ]);
  });
  test("nothing in the way: it starts by itself", () => {
    const [s, effects] = step(analysing, { type: "step", step: checkStep("result", "DONE", check) });
    expect(s).toMatchObject({ screen: "analysis", busy: true });
    expect(effects).toContainEqual({ do: "start", hostname: "shop.acme.lab", applicationId: "app_1", domain: "acme.lab" });
    expect(heard(effects)).toEqual(["analysis"]);
  });
  test("a possible misspelling is asked about, never decided", () => {
    const result = { ...check, suggestions: [{ kind: "TYPO" as const, hostname: "acme.com", text: "" }] };
    const [s, effects] = step(analysing, { type: "step", step: checkStep("result", "DONE", result) });
    expect(s).toMatchObject({ screen: "analysis", busy: false });
    expect(does(effects)).toEqual([]);
    expect(does(step(s, { type: "accepted" })[1])).toEqual(["start"]);
    expect(does(run(s, { type: "accepted" }, { type: "accepted" })[1])).toEqual(["start"]);
    expect(does(step(s, { type: "submitted", hostname: "acme.com" })[1])).toEqual(["drop", "analyse"]);
  });
  test("what no record can mend is a problem, and is looked at again", () => {
    for (const result of [
      { ...check, registered: false },
      { ...check, findings: [finding("lame_delegation")] },
    ]) {
      const [s] = step(analysing, { type: "step", step: checkStep("result", "DONE", result) });
      expect(s.screen).toBe("problem");
      expect(does(step(s, { type: "again" })[1])).toEqual(["drop", "analyse"]);
    }
  });
  test("findings that a record answers do not stop it", () => {
    const result = { ...check, findings: [finding("record_absent"), finding("cname_collision"), finding("parked_domain", "WARNING")] };
    expect(does(step(analysing, { type: "step", step: checkStep("result", "DONE", result) })[1])).toEqual(["start"]);
  });
  test("the person's own connection is resumed", () => {
    const result = { ...check, existing: { resumable: true, connection: row } };
    expect(does(step(analysing, { type: "step", step: checkStep("result", "DONE", result) })[1])).toEqual(["drop", "follow"]);
  });
  test("a refused name goes back to the field and keeps what was typed", () => {
    const [s] = step(analysing, { type: "refused", refusal });
    expect(s).toMatchObject({ screen: "enter-domain", typed: "shop.acme.lab", refusal });
    expect(step(s, { type: "typed", text: "a" })[0].refusal).toBeNull();
  });
  test("a refused name that cannot be typed anew is a problem", () => {
    expect(step({ ...analysing, session: { ...session, hostname: "a.lab" } }, { type: "refused", refusal })[0].screen).toBe("problem");
  });
  test("held by somebody else: said without telling who", () => {
    const [s, effects] = step(analysing, { type: "refused", refusal: { ...refusal, code: "CONFLICT", reason: "held_elsewhere" } });
    expect(s).toMatchObject({ screen: "already", held: true });
    expect(effects).toContainEqual({ do: "explain", code: "held_elsewhere" });
  });
  test("cancelling leaves the field as typed", () => {
    const [s, effects] = step(analysing, { type: "another" });
    expect(s).toMatchObject({ screen: "enter-domain", typed: "shop.acme.lab" });
    expect(does(effects)).toEqual(["drop"]);
    expect(step(s, { type: "step", step: checkStep("result", "DONE", check) })[1]).toEqual([]);
  });
});

describe("where a connection stands", () => {
  const seen = [{ ...record, status: "PARTIAL" as const }];
  for (const [name, over, state, want] of [
    ["not analysed yet", { state: "DRAFT" }, {}, "analysis"],
    ["being analysed", { state: "ANALYZING" }, {}, "analysis"],
    ["the person's turn", { state: "ACTION_REQUIRED" }, {}, "manual"],
    ["only waiting findings", { state: "ACTION_REQUIRED", findings: [finding("record_absent")] }, {}, "manual"],
    [
      "a finding that a card shows",
      { state: "ACTION_REQUIRED", findings: [finding("wrong_value")], records: [{ ...record, finding: finding("wrong_value") }] },
      {},
      "manual",
    ],
    [
      "a conflict that a card shows",
      { state: "ACTION_REQUIRED", findings: [finding("cname_collision")], conflicts: [{ kind: "cname_collision" }] },
      {},
      "manual",
    ],
    ["a finding of its own", { state: "ACTION_REQUIRED", findings: [finding("caa_forbidden")] }, {}, "problem"],
    ["the records all the same", { state: "ACTION_REQUIRED", findings: [finding("caa_forbidden")] }, { view: "manual" }, "manual"],
    ["one of two records seen", { state: "VERIFYING", records: [...seen, record] }, {}, "manual"],
    ["all records seen", { state: "VERIFYING", records: seen }, {}, "progress"],
    ["said to be added", { state: "VERIFYING" }, { added: true }, "progress"],
    ["looking at the records meanwhile", { state: "VERIFYING", records: seen }, { view: "manual" }, "manual"],
    ["certificate", { state: "SECURING" }, {}, "progress"],
    ["applying", { state: "APPLYING" }, {}, "progress"],
    ["live, and we saw it happen", { state: "LIVE" }, { witnessed: true }, "success"],
    ["live before we came", { state: "LIVE" }, { witnessed: false }, "already"],
    ["degraded", { state: "DEGRADED" }, {}, "problem"],
    ["failed", { state: "FAILED" }, {}, "problem"],
    ["suspended", { state: "SUSPENDED" }, {}, "problem"],
    ["blocked", { state: "BLOCKED" }, {}, "problem"],
    ["contested", { state: "CONTESTED" }, {}, "problem"],
    ["archived", { state: "ARCHIVED" }, {}, "problem"],
  ] as const) {
    test(name, () => {
      expect(place({ view: null, added: false, witnessed: true, ...state }, { ...connection, ...over } as Connection)).toBe(want);
    });
  }
  test("trouble leaves out what is waited for and what a card shows", () => {
    const c = { ...connection, findings: [finding("record_absent"), finding("caa_forbidden"), finding("ttl_high", "WARNING")] };
    expect(trouble(c).map((f) => f.code)).toEqual(["caa_forbidden"]);
  });
});

describe("a connection moves", () => {
  const manual = screens.manual;
  const at = (version: number, over: Partial<Connection> = {}): Message => ({
    type: "connection",
    connection: { ...connection, version, ...over },
  });
  test("an older or equal version is dropped", () => {
    const s = on({ version: 5 });
    for (const version of [4, 5]) {
      const [next, effects] = step(s, at(version, { state: "LIVE" }));
      expect(next.connection).toBe(s.connection);
      expect(effects).toEqual([]);
    }
    expect(step(s, at(6, { state: "LIVE" }))[0].screen).toBe("success");
  });
  test("another connection begins anew, whatever its version", () => {
    expect(step(on({ version: 5 }), at(1, { id: "con_2" }))[0].connection?.id).toBe("con_2");
  });
  test("to live: told once", () => {
    const [s, effects] = run(manual, at(2, { state: "SECURING" }), at(3, { state: "LIVE" }), at(4, { state: "LIVE" }));
    expect(s.screen).toBe("success");
    expect(heard(effects).filter((type) => type === "live")).toHaveLength(1);
  });
  test("record and facet changes are told, unchanged ones are not", () => {
    const [, effects] = step(
      manual,
      at(2, {
        records: [{ ...record, status: "OK" }],
        facets: { ...connection.facets, dns: { value: "correct", reason: null, servers: null } },
      }),
    );
    expect(heard(effects)).toEqual(["record-status", "facet", "progress"]);
  });
  test("trouble after the records were said to be in asks again", () => {
    const s = on({ state: "VERIFYING" }, { added: true, view: "progress" });
    const [next] = step(
      s,
      at(2, { state: "ACTION_REQUIRED", findings: [finding("wrong_value")], records: [{ ...record, finding: finding("wrong_value") }] }),
    );
    expect(next).toMatchObject({ screen: "manual", added: false, view: null });
  });
  test("a reason without a finding is asked for, once", () => {
    const [s, effects] = step(manual, at(2, { state: "FAILED", stateReason: "setup_incomplete" }));
    expect(effects).toContainEqual({ do: "explain", code: "setup_incomplete" });
    const known = step(s, { type: "explained", code: "setup_incomplete", explain: finding("x").explain })[0];
    expect(does(step(known, at(3, { state: "FAILED", stateReason: "setup_incomplete" }))[1])).not.toContain("explain");
  });
  test("another way of setting up is the same start again, once", () => {
    const [s, effects] = step(manual, { type: "way", way: "DELEGATION" });
    const { application } = s.session!;
    expect(effects).toContainEqual(
      expect.objectContaining({ do: "start", hostname: connection.hostname, applicationId: application.id, way: "DELEGATION" }),
    );
    expect(does(step(s, { type: "way", way: "MANUAL" })[1])).not.toContain("start");
  });
  test("two quiet minutes are said, news ends them", () => {
    const [s] = step(manual, { type: "quiet" });
    expect(s.quiet).toBe(true);
    const [next, effects] = step(s, at(2));
    expect(next.quiet).toBe(false);
    expect(effects).toContainEqual({ do: "wait", name: "quiet", ms: 120_000 });
  });
});

describe("the person acts", () => {
  test("added: once per press", () => {
    const [s, effects] = run(screens.manual, { type: "added" }, { type: "added" });
    expect(does(effects)).toEqual(["mark"]);
    expect(step(s, { type: "acted", connection: { ...connection, version: 2, state: "VERIFYING" } })[0]).toMatchObject({
      screen: "progress",
      busy: false,
    });
  });
  test("an answer with the version we have still ends the waiting", () => {
    expect(step({ ...screens.manual, busy: true }, { type: "acted", connection })[0].busy).toBe(false);
  });
  test("again: a failed one is retried, another one is checked", () => {
    expect(does(step(screens.problem, { type: "again" })[1])).toEqual(["retry"]);
    expect(does(step(on({ state: "ACTION_REQUIRED", findings: [finding("caa_forbidden")] }), { type: "again" })[1])).toEqual(["check"]);
  });
  test("a conflict is answered with its id", () => {
    const [, effects] = step(screens.manual, { type: "resolved", id: "cfl_1", resolution: "REPLACE" });
    expect(effects).toContainEqual({ do: "resolve", id: "cfl_1", resolution: "REPLACE", domain: "acme.lab" });
  });
  test("a refusal stands on the screen it belongs to", () => {
    const [s] = step({ ...screens.problem, busy: true }, { type: "refused", refusal: { ...refusal, code: "RATE_LIMITED" } });
    expect(s).toMatchObject({ screen: "problem", busy: false });
    expect(s.refusal?.code).toBe("RATE_LIMITED");
  });
  test("another domain: what we followed is let go", () => {
    const [s, effects] = step(screens.problem, { type: "another" });
    expect(s).toMatchObject({ screen: "enter-domain", connection: null, typed: "" });
    expect(does(effects)).toEqual(["drop", "session"]);
  });
});

describe("closing", () => {
  test("asks only where something is running; Escape there means stay", () => {
    const [s, effects] = step(screens.manual, { type: "close" });
    expect(s.overlay).toBe("exit-confirm");
    expect(effects).toEqual([]);
    expect(step(s, { type: "close" })).toEqual([{ ...s, overlay: null }, []]);
    const [, left] = step(s, { type: "leave" });
    expect(does(left)).toEqual(["close"]);
    expect(left).toContainEqual({
      do: "emit",
      type: "close",
      detail: expect.objectContaining({ hostname: "shop.acme.lab", success: false, provider: "plain", lastStatus: "MANUAL_CONFIGURATION" }),
    });
  });
  test("elsewhere it closes at once", () => {
    for (const screen of ["enter-domain", "success", "already", "problem", "error"] as const) {
      const [, effects] = step(screens[screen], { type: "close" });
      expect(does(effects), screen).toEqual(["close"]);
      expect(heard(effects), screen).toEqual(["close"]);
    }
  });
  test("a success is told as one", () => {
    const [, effects] = step(screens.success, { type: "close" });
    expect(effects).toContainEqual(
      expect.objectContaining({ type: "close", detail: expect.objectContaining({ success: true, state: "LIVE" }) }),
    );
  });
});

describe("session and line", () => {
  test("an ended session lies over the screen and leaves it", () => {
    const [s, effects] = step(screens.manual, { type: "expired" });
    expect(s).toMatchObject({ screen: "manual", overlay: "session-expired" });
    expect(heard(effects)).toEqual(["expired"]);
    const [renewing, more] = step(s, { type: "renew" });
    expect(does(more)).toEqual(["renew"]);
    const [back] = step(renewing, { type: "session", session });
    expect(back).toMatchObject({ screen: "manual", overlay: null, busy: false });
    expect(back.connection).toBe(screens.manual.connection);
  });
  test("it is told once, however many requests were refused", () => {
    const [, effects] = run(screens.manual, { type: "expired" }, { type: "refused", refusal: { ...refusal, code: "UNAUTHENTICATED" } });
    expect(heard(effects)).toEqual(["expired"]);
  });
  test("typed text outlives it", () => {
    const [s] = run({ ...ready, typed: "shop.acm" }, { type: "expired" }, { type: "session", session });
    expect(s).toMatchObject({ screen: "enter-domain", typed: "shop.acm", overlay: null });
  });
  test("the line changes nothing else", () => {
    const [s] = step(screens.manual, { type: "link", link: "offline" });
    expect(s).toEqual({ ...screens.manual, link: "offline" });
  });
});

describe("www and the domain itself", () => {
  const offered: Connection = {
    ...connection,
    version: 2,
    hostname: "acme.lab",
    companion: { unicodeName: "www.acme.lab", mode: "APEX", redirectTo: "acme.lab", connection: null },
  };
  const taken: Connection = { ...offered, version: 3, companion: { ...offered.companion!, connection: { id: "con_www" } } };
  const www: Connection = { ...connection, id: "con_www", hostname: "www.acme.lab", companion: null };

  test("the other name is taken along by starting the same name again", () => {
    const [s, effects] = step(on(offered), { type: "along" });
    expect(s).toMatchObject({ busy: true, screen: "manual" });
    expect(effects).toEqual([{ do: "start", hostname: "acme.lab", applicationId: "app_1", domain: "acme.lab", companion: "APEX" }]);
    const [after, more] = step(s, { type: "started", connection: taken });
    expect(more).toContainEqual({ do: "beside", id: "con_www", domain: "acme.lab" });
    expect(step(after, { type: "companion", connection: www })[0].companion).toBe(www);
  });
  test("without an offer nothing is taken", () => {
    expect(step(on(connection), { type: "along" })[1]).toEqual([]);
  });
  test("it is followed once, and forgotten with its main name", () => {
    const [s] = run(on(taken), { type: "companion", connection: www });
    const [, again] = step(s, { type: "connection", connection: { ...taken, version: 4 } });
    expect(does(again)).not.toContain("beside");
    const [left] = step(s, { type: "connection", connection: { ...connection, id: "con_other", version: 1 } });
    expect(left.companion).toBeNull();
    expect(step(left, { type: "companion", connection: www })[0].companion).toBeNull();
  });
  test("its records are shown beside a name that is live", () => {
    const live: Connection = { ...taken, version: 5, state: "LIVE" };
    const [s] = step(on(live, { witnessed: true }), { type: "show", view: "manual" });
    expect(s.screen).toBe("manual");
    expect(step(s, { type: "show", view: "progress" })[0].screen).toBe("success");
  });
});
