import { useRef } from "react";
import type { GraphQLTaggedNode, OperationType } from "relay-runtime";
import { type FeedState, useFeed } from "./feed.ts";

type Point = number | string;

type Stream<T extends OperationType> = {
  subscription: GraphQLTaggedNode;
  variables: Omit<T["variables"], "after"> & { after?: Point | null };
  enabled?: boolean;
  /** The sequence or the cursor that a row carries. */
  point: (data: T["response"]) => Point | null | undefined;
  onRow?: (data: T["response"]) => void;
};

/** Rows after a point. A reconnect asks from the last row seen; a row whose sequence is not above it is dropped. */
export function useStream<T extends OperationType>(stream: Stream<T>): FeedState {
  const { after: first, ...rest } = stream.variables;
  const last = useRef<Point | null | undefined>(first);
  const key = JSON.stringify(rest);
  const held = useRef(key);
  if (held.current !== key) {
    held.current = key;
    last.current = first;
  }
  // `after` of the first request is fixed: later ones move inside the transport, and must not start it anew.
  const started = useRef({ key, after: first });
  if (started.current.key !== key) started.current = { key, after: first };

  return useFeed<T>({
    subscription: stream.subscription,
    variables: { ...rest, after: started.current.after ?? null } as T["variables"],
    enabled: stream.enabled,
    accept: (data) => {
      const point = stream.point(data);
      return !(typeof point === "number" && typeof last.current === "number" && point <= last.current);
    },
    advance: (data, variables) => {
      const point = stream.point(data);
      if (point === null || point === undefined) return;
      last.current = point;
      started.current.after = point;
      (variables as { after?: Point }).after = point;
    },
    onNext: stream.onRow,
  });
}
