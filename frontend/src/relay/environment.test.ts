import type { RequestParameters } from "relay-runtime";
import { beforeEach, describe, expect, test, vi } from "vitest";

const params = {
  id: "ab".repeat(32),
  name: "TestMutation",
  operationKind: "mutation",
  text: null,
  metadata: {},
} as unknown as RequestParameters;

type Sent = { url: string; headers: Record<string, string>; body: Record<string, unknown> };
let sent: Sent[] = [];
let answers: (() => Response)[] = [];

const json =
  (body: unknown, status = 200) =>
  () =>
    new Response(JSON.stringify(body), { status, headers: { "X-Request-Id": "01k9req" } });
const refused = (code: string, extensions = {}) => json({ data: null, errors: [{ message: code, extensions: { code, ...extensions } }] });

/** A fresh page: modules keep the session. */
async function page() {
  vi.resetModules();
  const [environment, session, fault] = await Promise.all([import("./environment.ts"), import("./session.ts"), import("./fault.ts")]);
  return { ...environment, ...session, ...fault };
}

beforeEach(() => {
  sent = [];
  answers = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit = {}) => {
    sent.push({ url, headers: init.headers as Record<string, string>, body: init.body ? JSON.parse(init.body as string) : {} });
    const answer = answers.shift();
    if (!answer) throw new TypeError("no network");
    return answer();
  });
});

describe("call", () => {
  test("sends the id of the document and never its text", async () => {
    const { call } = await page();
    answers = [json({ data: { ok: true } })];
    await call(params, { id: "con_1" });
    expect(sent[0]).toMatchObject({
      url: "/graphql",
      body: { documentId: `sha256:${params.id}`, operationName: "TestMutation", variables: { id: "con_1" } },
    });
    expect(sent[0]?.body).not.toHaveProperty("query");
  });

  test("carries the CSRF value of the session and the key of the press", async () => {
    const { call, signedIn } = await page();
    answers = [json({ result: "signed_in", csrf: "token-1" }), json({ data: { ok: true } })];
    expect(await signedIn()).toBe(true);
    await call(params, {}, { metadata: { key: "press-1" } });
    expect(sent[1]?.headers).toMatchObject({ "X-Nameplate-Csrf": "token-1", "Idempotency-Key": "press-1" });
  });

  test("waits for a sign-in that is under way, so that its cookie never goes without its CSRF value", async () => {
    const { call, signIn } = await page();
    let enter = (_: Response) => {};
    vi.stubGlobal("fetch", (url: string, init: RequestInit = {}) => {
      sent.push({ url, headers: init.headers as Record<string, string>, body: {} });
      if (url.startsWith("/auth/")) return new Promise<Response>((resolve) => (enter = resolve));
      return Promise.resolve(json({ data: { ok: true } })());
    });
    const signing = signIn("ada", "a password");
    const calling = call(params, {});
    await Promise.resolve();
    expect(sent.map(({ url }) => url)).toEqual(["/auth/sign-in"]);
    enter(json({ result: "signed_in", csrf: "token-2" })());
    await Promise.all([signing, calling]);
    expect(sent[1]?.headers).toMatchObject({ "X-Nameplate-Csrf": "token-2" });
  });

  test("throws all faults when there is no data", async () => {
    const { call, RequestFailed } = await page();
    answers = [
      json(
        {
          errors: [
            { message: "a", extensions: { code: "INVALID", field: "x" } },
            { message: "b", extensions: { code: "INVALID", field: "y" } },
          ],
        },
        400,
      ),
    ];
    const failed = await call(params, {}).catch((error) => error);
    expect(failed).toBeInstanceOf(RequestFailed);
    expect(failed.fields).toEqual({ x: "a", y: "b" });
    expect(failed.requestId).toBe("01k9req");
  });

  test("hands a partial answer on", async () => {
    const { call } = await page();
    answers = [json({ data: { a: 1, b: null }, errors: [{ message: "b failed", path: ["b"], extensions: { code: "UNAVAILABLE" } }] })];
    expect(await call(params, {})).toMatchObject({ data: { a: 1, b: null } });
  });

  test("asks for a step-up and repeats the same call with the same key", async () => {
    const { call, ask: _, stepUp } = await page();
    const prompts = await watchPrompts();
    answers = [
      refused("STEP_UP_REQUIRED", { purpose: "apikey.create" }),
      json({ result: "stepped_up", csrf: "token-2" }),
      json({ data: { ok: true } }),
    ];
    const done = call(params, {}, { metadata: { key: "press-7" } });
    const prompt = await prompts("stepUp");
    await stepUp({ password: "secret" });
    prompt.answer(true);
    expect(await done).toMatchObject({ data: { ok: true } });
    const calls = sent.filter((one) => one.url === "/graphql");
    expect(calls.map((one) => one.headers["Idempotency-Key"])).toEqual(["press-7", "press-7"]);
    expect(calls[1]?.headers["X-Nameplate-Csrf"]).toBe("token-2");
  });

  test("is cancelled when the step-up is", async () => {
    const { call, Cancelled } = await page();
    const prompts = await watchPrompts();
    answers = [refused("STEP_UP_REQUIRED")];
    const done = call(params, {}).catch((error) => error);
    (await prompts("stepUp")).answer(false);
    expect(await done).toBeInstanceOf(Cancelled);
    expect(sent).toHaveLength(1);
  });

  test("calls that fail together share one session dialog, and all run again", async () => {
    const { call } = await page();
    const prompts = await watchPrompts();
    answers = [refused("UNAUTHENTICATED"), refused("UNAUTHENTICATED"), json({ data: { n: 1 } }), json({ data: { n: 2 } })];
    const both = Promise.all([call(params, { n: 1 }), call(params, { n: 2 })]);
    (await prompts("session")).answer(true);
    expect(await both).toHaveLength(2);
    expect(sent).toHaveLength(4);
  });

  test("reads the session again when the CSRF value was rotated elsewhere", async () => {
    const { call } = await page();
    answers = [refused("FORBIDDEN", { reason: "csrf" }), json({ result: "signed_in", csrf: "new" }), json({ data: { ok: true } })];
    await call(params, {});
    expect(sent.map((one) => one.url)).toEqual(["/graphql", "/auth/session", "/graphql"]);
    expect(sent[2]?.headers["X-Nameplate-Csrf"]).toBe("new");
  });

  test("no network is a fault of its own", async () => {
    const { call, OFFLINE } = await page();
    const failed = await call(params, {}).catch((error) => error);
    expect(failed.has(OFFLINE)).toBe(true);
  });

  test("tells when the server no longer knows the document", async () => {
    const { call, onOutdated } = await page();
    const told = vi.fn();
    onOutdated(told);
    answers = [json({ errors: [{ message: "unknown", extensions: { code: "NOT_FOUND", reason: "persisted_document_not_found" } }] }, 400)];
    await call(params, {}).catch(() => {});
    expect(told).toHaveBeenCalledOnce();
  });

  test("a page of a proxy instead of JSON is UNAVAILABLE", async () => {
    const { call } = await page();
    answers = [() => new Response("<html>Bad gateway</html>", { status: 502 })];
    const failed = await call(params, {}).catch((error) => error);
    expect(failed.has("UNAVAILABLE")).toBe(true);
  });
});

/** Waits until a dialog of a kind is asked for. */
async function watchPrompts() {
  const session = await import("./session.ts");
  const { renderHook, waitFor } = await import("@testing-library/react");
  const hook = renderHook(() => session.usePrompt());
  return async (kind: "session" | "stepUp") => {
    await waitFor(() => expect(hook.result.current?.kind).toBe(kind));
    return hook.result.current!;
  };
}
