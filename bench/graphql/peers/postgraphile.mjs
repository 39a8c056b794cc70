// PostGraphile 5 as its documentation recommends it for production: the Amber preset, Grafserv on node:http, NODE_ENV and GRAPHILE_ENV production, pg's
// native bindings left out as they are by default. It asks for no credential, which is a favour.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { postgraphile } from "postgraphile";

const workers = Number(process.env.BENCH_WORKERS);
if (cluster.isPrimary && workers > 1) {
  for (let n = 0; n < workers; n++) cluster.fork();
} else {
  const pgl = postgraphile({
    extends: [PostGraphileAmberPreset],
    pgServices: [makePgService({ connectionString: process.env.BENCH_DATABASE, schemas: ["bench_peer"], poolConfig: { max: 30 } })],
    grafserv: { graphiql: false, watch: false },
    grafast: { explain: false },
  });
  await pgl.getSchema();
  const server = createServer();
  await pgl.createServ(grafserv).addTo(server);
  const [answer] = server.listeners("request");
  server.removeAllListeners("request");
  server.on("request", (req, res) => (req.url === "/healthz" ? res.end() : answer(req, res)));
  const [host, port] = process.env.BENCH_LISTEN.split(":");
  server.listen(Number(port), host);
}
process.on("SIGTERM", () => process.exit(0));
