// Follows the events (by WAY: graphql-ws or graphql-sse) and, over a socket, the state of CONNECTION at GRAPHQL with KEY, through every loss of the server.
// Writes what comes as lines of JSON: {"sequence"}, {"version"}, {"closed"}, {"failed"}. Ends when its standard input does.
import { createRequire } from "node:module";

const { GRAPHQL, KEY, CONNECTION, WAY } = process.env;
const { createClient } = createRequire(`${process.cwd()}/package.json`)(WAY);
const say = (line) => console.log(JSON.stringify(line));
const wait = (retries) => new Promise((done) => setTimeout(done, Math.min(1000, 50 * 2 ** retries) * (0.5 + Math.random())));

const client =
  WAY === "graphql-ws"
    ? createClient({
        url: GRAPHQL.replace("http", "ws"),
        connectionParams: () => ({ authorization: `Bearer ${KEY}` }),
        retryAttempts: Number.POSITIVE_INFINITY,
        retryWait: wait,
        shouldRetry: () => true,
        keepAlive: 15_000,
        on: { closed: (event) => say({ closed: event?.code ?? 0 }) },
      })
    : createClient({ url: GRAPHQL, headers: { authorization: `Bearer ${KEY}` }, retryAttempts: Number.POSITIVE_INFINITY, retry: wait });

const end = (why) => say({ failed: String(why?.message ?? JSON.stringify(why)) });
const variables = { id: CONNECTION, after: 0 }; // the same object for every attempt: it moves on
client.subscribe(
  { query: "subscription($id: ID!, $after: Int64) { connectionEvents(id: $id, after: $after) { sequence } }", variables },
  {
    next: ({ data, errors }) => {
      if (!data) return end(errors);
      variables.after = data.connectionEvents.sequence;
      say(data.connectionEvents);
    },
    error: end,
    complete: () => end("complete"),
  },
);
if (WAY === "graphql-ws") {
  client.subscribe(
    { query: "subscription($id: ID!) { connectionProgress(id: $id) { version } }", variables: { id: CONNECTION } },
    { next: ({ data, errors }) => (data ? say(data.connectionProgress) : end(errors)), error: end, complete: () => end("complete") },
  );
}
process.stdin.on("end", () => process.exit(0)).resume();
