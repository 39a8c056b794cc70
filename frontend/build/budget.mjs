// Size limits of the console in kB after gzip. Reads Vite's manifest and fails the build above them.
import { existsSync, readFileSync, statSync } from "node:fs";

const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const size = (file) => (existsSync(`dist/${file}.gz`) ? statSync(`dist/${file}.gz`).size / 1000 : 0);

/** Everything a chunk pulls in statically: files of JavaScript and of CSS. */
function closure(key, seen = new Set(), css = new Set()) {
  const chunk = manifest[key];
  if (!chunk || seen.has(chunk.file)) return { seen, css };
  seen.add(chunk.file);
  for (const file of chunk.css ?? []) css.add(file);
  for (const next of chunk.imports ?? []) closure(next, seen, css);
  return { seen, css };
}
const keyOf = (part) => Object.keys(manifest).filter((key) => key.includes(part));
const first = { seen: new Set(), css: new Set() };
for (const key of ["index.html", ...keyOf("src/routes/$org.tsx"), ...keyOf("src/routes/$org.domains.index.tsx")])
  closure(key, first.seen, first.css);
const sum = (set) => [...set].reduce((total, file) => total + size(file), 0);

const js = sum(first.seen);
const css = sum(first.css);
const rows = [
  ["first load (entry, shell, domains)", js + css, 320],
  ["CSS of the first load", css, 25],
];
const graphiql = closure("graphiql.html");
for (const [key, chunk] of Object.entries(manifest)) {
  if (!chunk.isDynamicEntry || first.seen.has(chunk.file) || graphiql.seen.has(chunk.file)) continue;
  const locale = key.includes("src/i18n/");
  if (locale || key.startsWith("src/"))
    rows.push([locale ? `locale ${key.slice(9)}` : `chunk ${key.replace(/\?.*/, "")}`, size(chunk.file), locale ? 8 : 40]);
}
let failed = false;
for (const [what, kb, limit] of rows) {
  if (kb > limit) failed = true;
  if (kb > limit || limit !== 40) console.log(`${kb > limit ? "✗" : "✓"} ${what}: ${kb.toFixed(1)} of ${limit} kB`);
}
if (failed) {
  console.error("The build is above its budget (build/budget.mjs).");
  process.exit(1);
}
