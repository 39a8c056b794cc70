import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Plugin } from "vite";

const tag = /graphql`[^`]*?\b(query|mutation|subscription|fragment)\s+(\w+)[^`]*`/g;

/**
 * Each graphql`… Name …` becomes `{id, kind, name}`: the id is read from relay-compiler's artifact and gets the prefix
 * under which the server keeps trusted documents. A fragment is part of its operations already and leaves nothing.
 */
export function documents(generated = "src/__generated__"): Plugin {
  const artifact = (name: string) => join(resolve(import.meta.dirname, ".."), generated, `${name}.graphql.ts`);
  return {
    name: "nameplate:documents",
    enforce: "pre",
    transform: {
      filter: { id: /\.tsx?$/, code: /graphql`/ },
      handler(code) {
        return {
          code: code.replace(tag, (_, kind: string, name: string) => {
            if (kind === "fragment") return "null";
            let text: string;
            try {
              text = readFileSync(artifact(name), "utf8");
            } catch {
              throw new Error(`no artifact for ${name}: run relay-compiler first (make generate)`);
            }
            const id = /"id": "([0-9a-f]{64})"/.exec(text)?.[1];
            if (!id) throw new Error(`the artifact of ${name} carries no SHA-256 id: check "persist" in relay.config.json`);
            return JSON.stringify({ id: `sha256:${id}`, kind, name });
          }),
          map: null,
        };
      },
    },
  };
}
