import {
  type CacheConfig,
  Environment,
  type GraphQLResponse,
  Network,
  RecordSource,
  type RequestParameters,
  Store,
  type Variables,
} from "relay-runtime";
import { Cancelled, type Fault, faultOf, OFFLINE, RequestFailed } from "./fault.ts";
import { subscribe } from "./live.ts";
import { ask, csrfToken, settled, signedIn } from "./session.ts";

type Wire = { data?: unknown; errors?: { message: string; extensions?: Record<string, unknown> }[] };

/** Trusted documents travel by their hash; relay-compiler's id is the bare hex. */
export const documentId = (id: string | null | undefined) => `sha256:${id}`;

const outdated = new Set<() => void>();
/** Tells when the server no longer knows a document of this bundle: a newer build is out. */
export function onOutdated(listener: () => void) {
  outdated.add(listener);
  return () => outdated.delete(listener);
}

async function post(params: RequestParameters, variables: Variables, key: string | undefined): Promise<{ faults: Fault[]; wire: Wire }> {
  await settled();
  const csrf = csrfToken();
  let answer: Response;
  try {
    answer = await fetch("/graphql", {
      method: "POST",
      credentials: "same-origin",
      headers: {
        Accept: "application/graphql-response+json, application/json;q=0.9",
        "Content-Type": "application/json",
        ...(csrf && { "X-Nameplate-Csrf": csrf }),
        ...(key && { "Idempotency-Key": key }),
      },
      body: JSON.stringify({ documentId: documentId(params.id), operationName: params.name, variables }),
    });
  } catch {
    throw new RequestFailed([{ code: OFFLINE, message: "" }]);
  }
  const wire = (await answer.json().catch(() => ({}))) as Wire & Fault;
  const requestId = answer.headers.get("X-Request-Id") ?? undefined;
  const retryAfter = Number(answer.headers.get("Retry-After")) || undefined;
  if (wire.errors) return { wire, faults: wire.errors.map((error) => ({ requestId, retryAfter, ...faultOf(error) })) };
  if (answer.ok && wire.data) return { wire, faults: [] };
  const code = wire.code ?? (answer.status === 401 ? "UNAUTHENTICATED" : answer.status === 403 ? "FORBIDDEN" : "UNAVAILABLE");
  return { wire: {}, faults: [{ ...wire, requestId: wire.requestId ?? requestId, retryAfter, code, message: wire.message ?? "" }] };
}

/**
 * One call. An ended session and a demanded step-up open a dialog over the page; after the proof the very same call
 * (with its Idempotency-Key) runs again by itself. Partial answers go on to Relay, an answer without data throws.
 */
export async function call(params: RequestParameters, variables: Variables, config?: CacheConfig): Promise<GraphQLResponse> {
  const key = config?.metadata?.key as string | undefined;
  let renewed = false;
  for (;;) {
    const { faults, wire } = await post(params, variables, key);
    if (wire.data && faults.length === 0) return wire as GraphQLResponse;
    const failed = new RequestFailed(faults);
    const gone = failed.find("UNAUTHENTICATED");
    const proof = failed.find("STEP_UP_REQUIRED");
    if (gone) {
      if (!(await ask("session", gone))) throw new Cancelled();
    } else if (proof) {
      if (!(await ask("stepUp", proof))) throw new Cancelled();
    } else if (!renewed && faults.some((fault) => fault.code === "FORBIDDEN" && String(fault.reason ?? "").includes("csrf"))) {
      renewed = true; // the session was rotated in another tab
      await signedIn(true);
    } else if (wire.data) {
      return wire as GraphQLResponse;
    } else {
      if (faults.some((fault) => fault.reason === "persisted_document_not_found")) for (const tell of outdated) tell();
      throw failed;
    }
  }
}

export function makeEnvironment(network = Network.create(call, subscribe)): Environment {
  return new Environment({ network, store: new Store(new RecordSource(), { gcReleaseBufferSize: 20 }) });
}

export const environment = makeEnvironment();
