// Runs relay-compiler for one project: `node build/relay-run.mjs [console|widget]`.
// The compiler wants its output folder and its persist file to exist, and it
// only ever appends to the latter, so that documents of older releases go on
// working while a new one is rolled out.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";

const project = process.argv[2] ?? "console";
const output = { console: "src/relay/__generated__", widget: "../widget/src/__generated__" }[project];
if (!output) throw new Error(`no project ${project} in relay.config.json`);
mkdirSync(output, { recursive: true });
mkdirSync("../graph/documents", { recursive: true });
const manifest = `../graph/documents/${project}.json`;
if (!existsSync(manifest)) writeFileSync(manifest, "{}\n");
const run = spawnSync("node_modules/.bin/relay-compiler", ["--project", project], { stdio: "inherit" });
process.exit(run.status ?? 1);
