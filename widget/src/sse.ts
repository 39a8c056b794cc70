import { createClient } from "graphql-sse";
import type { RawSink, Watch } from "./feed";

/** Loaded only where sockets do not get through. One stream, one POST, no retry here: the next way down is polling. */
export function follow(
  options: { url: string; headers: () => Promise<Record<string, string>> },
  watch: Watch<never, unknown>,
  sink: RawSink,
): () => void {
  const client = createClient({ ...options, credentials: "omit", referrerPolicy: "no-referrer", retryAttempts: 0 });
  const stop = client.subscribe(
    {
      query: "",
      operationName: watch.document.name,
      variables: watch.variables,
      extensions: { documentId: watch.document.id },
    },
    sink as never,
  );
  return () => {
    stop();
    client.dispose();
  };
}
