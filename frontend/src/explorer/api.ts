import { createClient } from "graphql-ws";
import type { ExplorerKeyMutation } from "../relay/__generated__/ExplorerKeyMutation.graphql.ts";
import type { ExplorerPersonQuery } from "../relay/__generated__/ExplorerPersonQuery.graphql.ts";
import type { ExplorerScopeQuery } from "../relay/__generated__/ExplorerScopeQuery.graphql.ts";
import { type Fault, faultOf, RequestFailed } from "../relay/fault.ts";
import { csrfToken } from "../relay/session.ts";

// Three callers live on this page. An operator, by cookie and a header of its own. The person, by cookie, with trusted documents only: to make a key. And the key
// itself, without any cookie, with whatever is typed. This page has no Relay: the plugin turns each document into
// its artifact, and only its id is used.
declare const graphql: (text: TemplateStringsArray) => unknown;
type Artifact = { params: { id: string; name: string } };

const scope = graphql`
  query ExplorerScopeQuery($slug: String!) {
    organization(slug: $slug) {
      id
      name
    }
  }
` as Artifact;

const person = graphql`
  query ExplorerPersonQuery($organizationId: ID!) {
    viewer {
      permissions(organizationId: $organizationId)
    }
  }
` as Artifact;

const create = graphql`
  mutation ExplorerKeyMutation($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      secret
      apiKey {
        expiresAt
      }
    }
  }
` as Artifact;

async function trusted<T>(document: Artifact, variables: object, key?: string): Promise<T> {
  const csrf = csrfToken();
  const answer = await fetch("/graphql", {
    method: "POST",
    credentials: "same-origin",
    headers: {
      Accept: "application/graphql-response+json, application/json;q=0.9",
      "Content-Type": "application/json",
      ...(csrf && { "X-Nameplate-Csrf": csrf }),
      ...(key && { "Idempotency-Key": key }),
    },
    body: JSON.stringify({ documentId: `sha256:${document.params.id}`, operationName: document.params.name, variables }),
  });
  const json = (await answer.json()) as { data?: T; errors?: { message: string; extensions?: Record<string, unknown> }[] } & Fault;
  if (json.errors) throw new RequestFailed(json.errors.map(faultOf));
  if (!json.data) throw new RequestFailed([{ ...json, code: json.code ?? "UNAVAILABLE", message: json.message ?? answer.statusText }]);
  return json.data;
}

export type Place = { id: string; name: string; permissions: readonly string[] };

/** Null for a stranger and for an organization that does not exist. */
export async function placeOf(slug: string): Promise<Place | null> {
  const { organization } = await trusted<ExplorerScopeQuery["response"]>(scope, { slug });
  if (!organization) return null;
  const { viewer } = await trusted<ExplorerPersonQuery["response"]>(person, { organizationId: organization.id });
  return { ...organization, permissions: viewer.permissions };
}

const HOUR_MS = 3_600_000;
/** The server asks for an hour at least; clocks differ. */
const SKEW_MS = 60_000;

export type Key = { secret: string; until: string | null };

/** `press` names one press of the button, so that the call after a step-up makes no second key. */
export async function hourKey(organizationId: string, scopes: string[], description: string, press: string): Promise<Key> {
  const input = { organizationId, scopes, description, expiresAt: new Date(Date.now() + HOUR_MS + SKEW_MS).toISOString() };
  const { createApiKey } = await trusted<ExplorerKeyMutation["response"]>(create, { input }, press);
  return { secret: createApiKey.secret, until: createApiKey.apiKey.expiresAt ?? null };
}

export type Params = { query: string; operationName?: string | null; variables?: unknown };

async function text(params: Params, credentials: RequestCredentials, headers: Record<string, string>): Promise<unknown> {
  const answer = await fetch("/graphql", {
    method: "POST",
    credentials,
    headers: {
      Accept: "application/graphql-response+json, application/json;q=0.9",
      "Content-Type": "application/json",
      "X-Nameplate-Cost": "1",
      ...headers,
    },
    body: JSON.stringify(params),
  });
  return answer.json();
}

/** Runs text as the operator whose session it is. The server takes it by this header, and by the value that only our own pages can read. */
export const operator = {
  fetch: (params: Params) => text(params, "same-origin", { "X-Nameplate-Explorer": "1", "X-Nameplate-Csrf": csrfToken() ?? "" }),
};

/** Runs text as the key: no cookie goes with it, and sockets say who they are in connection_init. */
export function runner(secret: string) {
  const authorization = `Bearer ${secret}`;
  const live = createClient({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
    connectionParams: { authorization },
    lazy: true,
    retryAttempts: 3,
  });
  return {
    fetch: (params: Params) => text(params, "omit", { Authorization: authorization }),
    subscribe: (params: Params) =>
      live.iterate({
        query: params.query,
        operationName: params.operationName,
        variables: (params.variables ?? {}) as Record<string, unknown>,
      }),
    close: () => live.dispose(),
  };
}
