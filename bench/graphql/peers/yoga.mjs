// graphql-yoga with graphql-ws on ws, as Yoga's documentation joins them. Pokes come from Redis; a message is made from what is in memory.
import { createServer } from "node:http";
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { Redis } from "ioredis";

const pubsub = createPubSub();
const versions = new Map();
const state = (id) => ({ id, version: versions.get(id) ?? 1, hostname: "www.customer1234.tenant1.example", state: "LIVE", facets: { dns: { value: "correct" } } });

const yoga = createYoga({
  logging: false,
  graphiql: false,
  schema: createSchema({
    typeDefs: `
      type Query { ok: Boolean! }
      type FacetState { value: String! }
      type Facets { dns: FacetState! }
      type Connection { id: ID! version: Int! hostname: String! state: String! facets: Facets! }
      type Subscription { connectionProgress(id: ID!): Connection! }`,
    resolvers: {
      Subscription: {
        connectionProgress: {
          subscribe: async function* (_, { id }) {
            const news = pubsub.subscribe(id);
            yield state(id);
            yield* news;
          },
          resolve: (connection) => connection,
        },
      },
    },
  }),
});

const bus = new Redis(process.env.BENCH_REDIS);
await bus.subscribe("nameplate:live");
bus.on("message", (_, raw) => {
  const { s, v } = JSON.parse(raw);
  versions.set(s, v);
  pubsub.publish(s, state(s));
});

const server = createServer((req, res) => (req.url === "/healthz" ? res.end() : yoga(req, res)));
useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (ctx, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({ ...ctx, req: ctx.extra.request, socket: ctx.extra.socket, params });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length ? errors : args;
    },
  },
  new WebSocketServer({ server, path: yoga.graphqlEndpoint }),
);
const [host, port] = process.env.BENCH_LISTEN.split(":");
server.listen(Number(port), host);
process.on("SIGTERM", () => process.exit(0));
