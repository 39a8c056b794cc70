import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const kB = 1000;

/** What a file may weigh, gzipped. The first row that matches counts; a file that no row knows fails the build. */
const limits: [RegExp, number][] = [
  [/^connect\.js$/, 1.5 * kB],
  [/^connect-/, 1.5 * kB],
  [/^app-/, 25 * kB],
  [/^(ar|de|en-XA|fr)-/, 2 * kB],
  [/^(work|short|plaque|socket|sse)-/, 4 * kB],
  [/^details-/, 5.5 * kB],
  [/^react\.js$/, 1 * kB],
];

const zip = (bytes: Buffer) => gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
const hash = (bytes: Buffer) => `sha384-${createHash("sha384").update(bytes).digest("base64")}`;

/**
 * After the bundle is written: checks every size, pins the loader under a name of its own contents (the address for
 * `integrity=`), compresses each file once, and lists the hashes in integrity.json.
 */
export function seal(): Plugin {
  let folder = "";
  return {
    name: "nameplate:seal",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      const loader = readFileSync(join(folder, "connect.js"));
      const pinned = `connect-${createHash("sha256").update(loader).digest("base64url").replace(/[-_]/g, "").slice(0, 8)}.js`;
      writeFileSync(join(folder, pinned), loader);

      const files: Record<string, string> = {};
      const heavy: string[] = [];
      for (const name of readdirSync(folder)
        .filter((name) => name.endsWith(".js"))
        .sort()) {
        const bytes = readFileSync(join(folder, name));
        const zipped = zip(bytes);
        writeFileSync(join(folder, `${name}.gz`), zipped);
        files[name] = hash(bytes);
        const limit = limits.find(([pattern]) => pattern.test(name))?.[1] ?? 0;
        const line = `${name.padEnd(24)} ${(zipped.length / kB).toFixed(2).padStart(6)} kB gz of ${(limit / kB).toFixed(1)}`;
        console.log(line);
        if (zipped.length > limit) heavy.push(line);
      }
      const manifest = Buffer.from(`${JSON.stringify({ loader: pinned, files }, null, 2)}\n`);
      writeFileSync(join(folder, "integrity.json"), manifest);
      writeFileSync(join(folder, "integrity.json.gz"), zip(manifest));
      if (heavy.length > 0) throw new Error(`over the size budget:\n${heavy.join("\n")}`);
    },
  };
}
