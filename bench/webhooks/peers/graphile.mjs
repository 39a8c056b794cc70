// graphile-worker with settings for throughput: jobs are fetched by the thousand (localQueue) and completed in batches.
import { createHmac } from "node:crypto";
import { createInterface } from "node:readline";
import { Logger, run, runMigrations } from "graphile-worker";
import pg from "pg";
import { Pool } from "undici";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const job = JSON.parse((await lines.next()).value);
const db = new pg.Pool({ connectionString: job.DSN, max: 30 });
const logger = new Logger(() => () => {});
if (job.Profile === "migrate") {
  await runMigrations({ pgPool: db, logger });
  await db.end();
  process.exit(0);
}
process.stdout.write('"ready"\n');
await lines.next();

const pools = new Map();
const keys = new Map();

async function deliver(m, helpers) {
  let pool = pools.get(m.url);
  if (!pool) {
    pools.set(m.url, (pool = new Pool(new URL(m.url).origin, { connections: 8, pipelining: 1 })));
    keys.set(m.url, Buffer.from(m.secret.slice(6), "base64"));
  }
  const at = new Date();
  const seconds = Math.floor(at.getTime() / 1000);
  const signature = `v1,${createHmac("sha256", keys.get(m.url)).update(`${m.id}.${seconds}.${m.body}`).digest("base64")}`;
  const headers = {
    "content-type": "application/json", "user-agent": "Peer-Webhooks/1",
    "webhook-id": m.id, "webhook-timestamp": String(seconds), "webhook-signature": signature,
  };
  const res = await pool.request({ method: "POST", path: "/hook", headers, body: m.body });
  const answer = await res.body.text();
  await db.query({
    name: "tried",
    text: `insert into peer_attempt (delivery_id, n, at, latency_ms, resolved_ip, status, error, request_headers, response_headers, response_body)
      values ($1, $2, $3, $4, $5::text::inet, $6, null, $7, $8, $9)`,
    values: [m.delivery, helpers.job.attempts, at, Date.now() - at.getTime(), new URL(m.url).hostname, res.statusCode,
      JSON.stringify({ ...headers, "webhook-signature": "[redacted]" }), JSON.stringify(res.headers), answer],
  });
}

const runner = await run({
  pgPool: db, logger, noHandleSignals: true, taskList: { deliver },
  preset: { worker: { concurrentJobs: 200, pollInterval: 100, localQueue: { size: 1000 }, completeJobBatchDelay: 0, failJobBatchDelay: 0, maxPoolSize: 30 } },
});
while (!(await lines.next()).done);
await runner.stop();
await db.end();
process.exit(0);
