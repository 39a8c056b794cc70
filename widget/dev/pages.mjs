import { readFileSync } from "node:fs";
import { join } from "node:path";

const dist = new URL("../dist/v1/", import.meta.url).pathname;

/** The policy that the widget promises to work under (connect.md 17, WG-5): no inline style, no HTML from strings. */
const policy = (origin, sockets) =>
  `default-src 'none'; script-src ${origin}; connect-src ${origin} ${sockets ? origin.replace("http", "ws") : ""}; style-src 'self'; img-src data:; require-trusted-types-for 'script'; trusted-types 'none'`;

/** A stranger's page with the widget in it. The query string becomes attributes of the element. */
export function files(request, response) {
  const url = new URL(request.url, `http://${request.headers.host}`);
  if (url.pathname.startsWith("/widget/v1/")) {
    try {
      const body = readFileSync(join(dist, url.pathname.slice(11)));
      return response
        .writeHead(200, {
          "content-type": url.pathname.endsWith(".json") ? "application/json" : "text/javascript",
          "access-control-allow-origin": "*",
        })
        .end(body);
    } catch {
      return response.writeHead(404).end();
    }
  }
  if (url.pathname === "/host.js") return response.writeHead(200, { "content-type": "text/javascript" }).end(script);
  if (url.pathname === "/host.css") return response.writeHead(200, { "content-type": "text/css" }).end(style);
  if (url.pathname !== "/") return response.writeHead(404).end();
  const attributes = [...url.searchParams].map(([name, value]) => `${name}="${value.replace(/[^\w .:/#-]/g, "")}"`).join(" ");
  const csp = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policy(url.origin, !url.searchParams.has("no-sockets")),
  };
  response
    .writeHead(200, csp)
    .end(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Acme Shops</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/host.css">
<main><h1>Settings</h1><p>Your shop answers at <b>ana.acme-shops.lab</b>.</p><button id="opener">Use your own domain</button><nameplate-connect public-key="np_pk_mock" ${attributes}></nameplate-connect></main>
<script type="module" src="/widget/v1/connect.js"></script><script type="module" src="/host.js"></script></html>`);
}

const script = `
const element = document.querySelector("nameplate-connect");
globalThis.heard = [];
globalThis.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + " " + event.blockedURI + " " + event.sample));
for (const type of "ready step analysis record-status facet progress live action-required error close expired".split(" "))
  addEventListener("nameplate:" + type, (event) => heard.push([type, event.detail]));
globalThis.tokens = ["good"];
element.getToken = async () => { const t = tokens.length > 1 ? tokens.shift() : tokens[0]; if (!t) throw new Error("no token"); return t; };
document.getElementById("opener").onclick = () => element.open();
`;

const style = `
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { margin: 0; background: light-dark(#f2f3f6, #0c0d10); color: light-dark(#222, #ddd); }
main { max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
`;
