import { useSyncExternalStore } from "react";
import { type Fault, OFFLINE, RequestFailed } from "./fault.ts";
import { ended, lives } from "./keep.ts";

/** What a page has to ask the person for before a call can be repeated. */
export type Prompt = { kind: "session" | "stepUp"; fault: Fault; answer(ok: boolean): void };

export type Answer = { result: string; csrf?: string; expiresAt?: string; viewer?: { userId?: string } };

/** One of a person's factors, as a sign-in offers it. */
export type Authenticator = { id: string; kind: string; label: string; destinationHint?: string | null };

/** A sign-in that waits for its second proof; the cookie that names it is not for scripts. */
export type MfaRequired = {
  result: "mfa_required";
  expiresAt: string;
  enrolmentRequired: boolean;
  authenticators: readonly Authenticator[];
  /** Where a factor is demanded: the kinds that can be added and meet the demand. */
  kinds?: readonly string[];
};

let csrf: string | null = null;
let known: Promise<boolean> | null = null;
let prompt: Prompt | null = null;
let waiting: { kind: string; done: Promise<boolean> } | null = null;
let person: string | null = null;
const listeners = new Set<() => void>();

function set(next: Prompt | null) {
  prompt = next;
  for (const listener of listeners) listener();
}

let changes: Promise<unknown> = Promise.resolve();

/** Resolves when no sign-in or refresh is under way. Between its answer's cookie and its CSRF value a call would carry one without the other. */
export const settled = () => changes;

export function auth<T extends { result: string } = Answer>(path: string, body?: object): Promise<T> {
  const answer = exchange<T>(path, body);
  if (body) changes = Promise.allSettled([changes, answer]);
  return answer;
}

async function exchange<T extends { result: string }>(path: string, body?: object): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(`/auth/${path}`, {
      method: body ? "POST" : "GET",
      headers: {
        Accept: "application/json",
        ...(body && { "Content-Type": "application/json" }),
        ...(body && csrf && { "X-Nameplate-Csrf": csrf }),
      },
      body: body && JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch {
    throw new RequestFailed([{ code: OFFLINE, message: "" }]);
  }
  const json = (await answer.json().catch(() => ({}))) as T & Answer & Fault;
  if (!answer.ok) {
    const retryAfter = Number(answer.headers.get("Retry-After")) || undefined;
    throw new RequestFailed([{ retryAfter, ...json, code: json.code ?? "INTERNAL", message: json.message ?? "" }]);
  }
  if (json.csrf) csrf = json.csrf;
  if (json.expiresAt) {
    const skew = Date.parse(answer.headers.get("Date") ?? "") - Date.now() || 0;
    lives(Date.parse(json.expiresAt) - skew, async () => void (await auth("refresh", {})));
  }
  return json;
}

export const csrfToken = () => csrf;

/** Is somebody signed in? Asked once per page; `again` asks anew (after a refused CSRF value, for example). */
export function signedIn(again = false): Promise<boolean> {
  if (again || !known) {
    known = auth("session").then((answer) => answer.result === "signed_in");
    known.catch(() => {
      known = null;
    });
  }
  return known;
}

/** What a proof led to: null when somebody is signed in now, else what is asked for next. */
export function entered(answer: Answer | MfaRequired): MfaRequired | null {
  if (answer.result === "mfa_required") return answer as MfaRequired;
  if (answer.result !== "signed_in") throw new RequestFailed([{ code: "UNAUTHENTICATED", message: answer.result }]);
  const { viewer } = answer as Answer;
  known = Promise.resolve(true);
  const now = viewer?.userId ?? null;
  // Another person than before: what the page shows is not theirs.
  if (person && now && person !== now) location.assign("/");
  person = now ?? person;
  return null;
}

export async function signIn(username: string, password: string): Promise<MfaRequired | null> {
  return entered(await auth("sign-in", { username, password }));
}

/** A fresh proof of who the person is: one member of the schema's StepUpProof. */
export type StepUpProof =
  | { password: string }
  | { totp: string }
  | { recoveryCode: string }
  | { oob: { oobCode: string; code: string } }
  | { webauthn: unknown };

export async function stepUp(proof: StepUpProof): Promise<void> {
  await auth("step-up", proof);
}

/** Ends this browser's session, or with `everywhere` all of the person's. */
export async function signOut(everywhere = false): Promise<void> {
  await auth("sign-out", { everywhere });
  csrf = null;
  known = null;
  ended();
  location.assign("/login");
}

/** The person whose page this is; signing in as somebody else leaves the page. */
export function rememberPerson(userId: string | null | undefined) {
  if (userId) person = userId;
}

/** Opens a dialog over the page and answers when it is closed. Calls that fail together share one dialog. */
export function ask(kind: Prompt["kind"], fault: Fault): Promise<boolean> {
  if (waiting?.kind === kind) return waiting.done;
  const done = (waiting?.done ?? Promise.resolve(true)).then(
    () =>
      new Promise<boolean>((resolve) => {
        set({
          kind,
          fault,
          answer(ok) {
            set(null);
            waiting = null;
            resolve(ok);
          },
        });
      }),
  );
  waiting = { kind, done };
  return done;
}

export function usePrompt(): Prompt | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => prompt,
  );
}
