import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

function* files(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

/**
 * Only the gzip of each asset stays in dist, so that it alone is embedded.
 * Pages stay as they are, because the server writes a nonce into each answer.
 */
export function compress(): Plugin {
  return {
    name: "nameplate:compress",
    apply: "build",
    closeBundle() {
      for (const path of files("dist")) {
        if (path.endsWith(".html") || path.endsWith(".gz") || path.endsWith(".keep") || path.includes(".vite")) continue;
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: constants.Z_BEST_COMPRESSION }));
        rmSync(path);
      }
      writeFileSync("dist/.keep", "");
    },
  };
}
