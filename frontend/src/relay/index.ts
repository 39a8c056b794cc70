import { useEffect } from "react";
import { fetchQuery as fetchQueryObservable, loadQuery, type PreloadedQuery, usePreloadedQuery } from "react-relay/hooks";
import {
  type ConcreteRequest,
  commitLocalUpdate,
  createOperationDescriptor,
  type GraphQLTaggedNode,
  type OperationType,
} from "relay-runtime";
import { environment } from "./environment.ts";

export {
  graphql,
  RelayEnvironmentProvider,
  useFragment,
  useLazyLoadQuery,
  usePaginationFragment,
  useRefetchableFragment,
  useRelayEnvironment,
} from "react-relay/hooks";
export { ConnectionHandler, commitLocalUpdate } from "relay-runtime";
export type { Action, Conflict } from "./action.ts";
export { useAction } from "./action.ts";
export { environment, onOutdated } from "./environment.ts";
export { Cancelled, type Fault, failedOf, OFFLINE, RequestFailed } from "./fault.ts";
export type { FeedState } from "./feed.ts";
export { useFeed } from "./feed.ts";
export { onReconnect, useLive } from "./live.ts";
export { useStream } from "./stream.ts";

const UNUSED_MS = 30_000;
const used = new WeakSet<object>();

/**
 * Starts a route's query and answers when it can be shown: at once from the store, else with the first answer.
 * A query that was only preloaded and never shown lets go of its data after half a minute.
 */
export async function preload<T extends OperationType>(query: GraphQLTaggedNode, variables: T["variables"]): Promise<PreloadedQuery<T>> {
  const operation = createOperationDescriptor(query as ConcreteRequest, variables);
  const here = environment.check(operation).status === "available";
  const ref = loadQuery<T>(environment, query, variables, { fetchPolicy: "store-and-network" });
  setTimeout(() => {
    if (!used.has(ref)) ref.dispose();
  }, UNUSED_MS);
  if (!here) await ref.source?.toPromise();
  return ref;
}

/** Reads a route's query and lets go of it when the route is left. */
export function usePreloaded<T extends OperationType>(query: GraphQLTaggedNode, ref: PreloadedQuery<T>): T["response"] {
  used.add(ref);
  useEffect(() => () => ref.dispose(), [ref]);
  return usePreloadedQuery<T>(query, ref);
}

/** Reads a query once, outside of rendering. */
export function read<T extends OperationType>(query: GraphQLTaggedNode, variables: T["variables"], force = false): Promise<T["response"]> {
  return fetchQueryObservable<T>(environment, query, variables, { fetchPolicy: force ? "network-only" : "store-or-network" })
    .toPromise()
    .then((data) => data as T["response"]);
}

/** Takes a record that holds what is shown once out of the store. */
export function forget(id: string | undefined): void {
  if (id) commitLocalUpdate(environment, (store) => store.delete(id));
}
