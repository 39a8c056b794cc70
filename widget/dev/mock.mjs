import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildSchema, execute, GraphQLError, parse, subscribe } from "graphql";
import { createHandler } from "graphql-sse/lib/use/http";
import { makeServer } from "graphql-ws";
import { WebSocketServer } from "ws";
import { world as newWorld, sentences } from "./world.mjs";

const graph = (name) => readFileSync(join(dirname(fileURLToPath(import.meta.url)), "../../graph", name), "utf8");

/** The product's schema and the widget's trusted documents, answered by a pretend world. Development and tests only. */
export async function mock({ port = 0, files } = {}) {
  const schema = buildSchema(graph("schema.graphql"));
  const documents = new Map(
    Object.values(JSON.parse(graph("documents/widget.json"))).map((text) => [
      `sha256:${createHash("sha256").update(text).digest("hex")}`,
      parse(text),
    ]),
  );
  const w = newWorld();
  const faults = { sockets: true, events: true, requests: true, silent: false };
  const requests = [];

  const refuse = (code, reason, message, more = {}) =>
    new GraphQLError(message, { extensions: { code, reason, requestId: "01k9mock", ...more } });
  const shown = (id) =>
    w.connections.get(id) ??
    (() => {
      throw refuse("NOT_FOUND", "", "Not found.");
    })();
  const acted = (id, change) => {
    if (change) w.set(id, change);
    return { connection: shown(id) };
  };
  const rootValue = {
    widgetSession: () => ({
      application: {
        id: "app_1",
        name: "Acme Shops",
        publicKey: "np_pk_mock",
        environment: "LIVE",
        subdomainRule: "OPTIONAL",
        defaultSubdomain: "shop",
      },
      hostname: w.hostnameClaim,
      endUserRef: "ana",
      scopes: ["CHECK", "START", "SETUP", "VIEW"],
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
      setupMethods: ["MANUAL"],
      connections: [...w.connections.values()],
    }),
    explain: ({ code }) => sentences[code] ?? { title: code, body: code, steps: [], who: "CUSTOMER", takes: "MINUTES", docs: null },
    connection: ({ id }) => shown(id),
    domainCheck: ({ hostname }) => w.check(hostname),
    startConnection: ({ input }) => {
      if (!input.hostname.includes("."))
        throw refuse("INVALID", "hostname_single_label", "Enter a full domain name, such as shop.example.com.", { field: "hostname" });
      if (input.hostname.startsWith("taken."))
        throw refuse("CONFLICT", "held_elsewhere", "This name is already in use.", { field: "hostname" });
      const c = w.add(input.hostname);
      setTimeout(() => w.set(c.id, "manual"), w.pace * 2);
      return { connection: c, created: true };
    },
    markRecordsAdded: ({ id }) => acted(id, { state: "VERIFYING" }),
    checkConnection: ({ id }) => acted(id),
    retryConnection: ({ id }) => acted(id, "manual"),
    resolveConflict: ({ id, resolution }) => {
      const c = [...w.connections.values()].find((c) => c.conflicts.some((one) => one.id === id));
      return acted(c.id, { conflicts: c.conflicts.map((one) => (one.id === id ? { ...one, resolution } : one)) });
    },
    async *connectionProgress({ id }) {
      for await (const c of w.follow(id)) yield { connectionProgress: c };
    },
    async *checkProgress({ hostname }) {
      const rows = [
        ["delegation", "acme.lab is answered by ns1.plain.lab and ns2.plain.lab"],
        ["provider", "Your domain is looked after by Plain DNS"],
        ["records", "Nothing stands in the way"],
        ["certificate", "A certificate may be issued"],
        ["best", "You add one record yourself, about three minutes"],
      ];
      if (!hostname.includes("."))
        throw refuse("INVALID", "hostname_single_label", "Enter a full domain name, such as shop.example.com.", { field: "hostname" });
      for (const [key, text] of rows) {
        yield {
          checkProgress: {
            key,
            state: "RUNNING",
            text: `${text} …`.replace(
              /^.*$/,
              {
                delegation: "Asking who answers for it",
                provider: "Finding out who looks after it",
                records: "Reading what is there now",
                certificate: "Asking who may issue certificates",
                best: "Finding the shortest way",
              }[key],
            ),
            result: null,
          },
        };
        await sleep(w.pace);
        yield { checkProgress: { key, state: "DONE", text, result: null } };
      }
      yield { checkProgress: { key: "result", state: "DONE", text: "", result: w.check(hostname) } };
    },
  };

  const bearer = (value) => /^Bearer (.+)$/.exec(value ?? "")?.[1];
  const known = (value) => w.tokens.has(bearer(value));
  const args = ({ documentId, variables }) => {
    const document = documents.get(documentId);
    if (!document) throw refuse("NOT_FOUND", "persisted_document_not_found", "Unknown document.");
    return { schema, document, variableValues: variables, rootValue };
  };
  const sse = createHandler({
    schema,
    onSubscribe: (_, params) => args({ documentId: params.extensions.documentId, variables: params.variables }),
  });

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname !== "/graphql") return files ? files(request, response) : response.writeHead(404).end();
    const cors = {
      "access-control-allow-origin": request.headers.origin ?? "*",
      "access-control-allow-headers": "authorization,content-type,idempotency-key,accept-language",
      "access-control-allow-methods": "POST",
      vary: "Origin",
    };
    if (request.method === "OPTIONS") return response.writeHead(204, cors).end();
    for (const [name, value] of Object.entries(cors)) response.setHeader(name, value);
    const kept = { url: request.url, headers: request.headers, body: null };
    requests.push(kept);
    if (request.headers.accept?.includes("text/event-stream"))
      return faults.events && known(request.headers.authorization) ? sse(request, response) : response.writeHead(502).end();
    if (!faults.requests) return request.socket.destroy();
    const answer = (status, body) =>
      response.writeHead(status, { "content-type": "application/graphql-response+json" }).end(JSON.stringify(body));
    if (!known(request.headers.authorization))
      return answer(401, {
        errors: [{ message: "The token has ended.", extensions: { code: "UNAUTHENTICATED", reason: "token_expired" } }],
      });
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text);
    kept.body = body;
    try {
      answer(200, await execute(args(body)));
    } catch (error) {
      answer(400, { errors: [error] });
    }
  });

  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => "graphql-transport-ws" });
  server.on("upgrade", (request, socket, head) => {
    if (faults.silent) return;
    if (!faults.sockets) return socket.destroy();
    sockets.handleUpgrade(request, socket, head, (ws) => serve(ws, request));
  });
  const protocol = makeServer({
    schema,
    execute,
    subscribe,
    onConnect: ({ connectionParams }) => known(connectionParams?.authorization),
    onSubscribe: (_, __, payload) => args({ documentId: payload.extensions.documentId, variables: payload.variables }),
  });
  function serve(ws) {
    const closed = protocol.opened(
      {
        protocol: ws.protocol,
        send: (data) => new Promise((done) => ws.send(data, done)),
        close: (code, reason) => ws.close(code, reason),
        onMessage: (hear) => ws.on("message", (data) => hear(String(data)).catch(() => ws.close(4400))),
      },
      {},
    );
    ws.on("close", (code, reason) => closed(code, String(reason)));
  }

  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return {
    world: w,
    faults,
    requests,
    sockets: () => sockets.clients.size,
    url: `http://localhost:${server.address().port}`,
    /** Cuts every socket, as a server that goes away does. */
    cut: (code = 1001) => sockets.clients.forEach((ws) => (code ? ws.close(code) : ws.terminate())),
    close: () => {
      sockets.clients.forEach((ws) => ws.terminate());
      server.closeAllConnections();
      server.close();
    },
  };
}
