// Runs relay-compiler for one project: `node build/relay-run.mjs [console|widget] [--fresh]`.
//
// The compiler wants its output folder and its persist file to exist, and it only ever appends to the latter, so that
// documents of older releases go on working while a new one is rolled out. It believes the hash inside an artifact
// that is already there and then leaves the persist file as it is: so we look whether every document arrived, and
// compile from nothing if one did not. --fresh forgets documents of older builds (before the first release only).
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const project = process.argv[2] ?? "console";
const output = { console: "src/relay/__generated__", widget: "../widget/src/__generated__" }[project];
if (!output) throw new Error(`no project ${project} in relay.config.json`);
const manifest = `../graph/documents/${project}.json`;

function compile(fresh) {
  if (fresh) rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  mkdirSync("../graph/documents", { recursive: true });
  if (!existsSync(manifest)) writeFileSync(manifest, "{}\n");
  const run = spawnSync("node_modules/.bin/relay-compiler", ["--project", project, "--noWatchman"], { encoding: "utf8" });
  if (run.status !== 0) {
    process.stderr.write(run.stdout + run.stderr);
    process.exit(run.status ?? 1);
  }
}

function missing() {
  const known = JSON.parse(readFileSync(manifest, "utf8"));
  return readdirSync(output)
    .map((name) => readFileSync(`${output}/${name}`, "utf8").match(/@relayRequestID ([0-9a-f]{64})/)?.[1])
    .filter((id) => id && !(id in known));
}

const fresh = process.argv.includes("--fresh");
if (fresh) writeFileSync(manifest, "{}\n");
compile(fresh);
if (missing().length > 0) compile(true);
if (missing().length > 0) throw new Error(`${manifest} lacks documents: ${missing().join(", ")}`);
console.log(`relay: ${project} has ${Object.keys(JSON.parse(readFileSync(manifest, "utf8"))).length} trusted documents`);
