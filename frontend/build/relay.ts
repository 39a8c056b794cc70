import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { Plugin } from "vite";

const tag = /graphql`[^`]*?\b(?:query|mutation|subscription|fragment)\s+(\w+)[^`]*`/g;

/**
 * What Babel does for Relay elsewhere: each graphql`… Name …` becomes an import of its artifact.
 * The filter also matches ids with a query, because the router's code splitting appends ?tsr-split=.
 */
export function relay(generated = "src/relay/__generated__"): Plugin {
  const folder = resolve(generated);
  return {
    name: "nameplate:relay",
    enforce: "pre",
    transform: {
      filter: { id: /\.tsx?(?:\?|$)/, code: /graphql`/ },
      handler(code) {
        const imports = new Map<string, string>();
        const out = code.replace(tag, (_, name: string) => {
          const local = `__${name}_${createHash("md5").update(name).digest("hex").slice(0, 6)}`;
          imports.set(name, local);
          return local;
        });
        if (imports.size === 0) return null;
        const head = [...imports].map(([name, local]) => `import ${local} from "${folder}/${name}.graphql";`);
        return { code: `${head.join("")}${out}`, map: null };
      },
    },
  };
}
