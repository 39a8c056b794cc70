import { resolve } from "node:path";
import { type Plugin, runnerImport } from "vite";

type Texts = Record<string, string>;

const locales = resolve(import.meta.dirname, "../src/locales");
const load = async (file: string) => (await runnerImport<{ en: Texts; catalogue: Texts }>(file, { configFile: false })).module;

/**
 * A catalogue travels as the list of its texts, in the order of the English keys: the keys are in the app already.
 * Fails where a locale lacks a key or has one too many, so a missing translation is found here and not by a reader.
 */
export function catalogues(): Plugin {
  return {
    name: "nameplate:catalogues",
    apply: "build",
    transform: {
      filter: { id: /\/src\/locales\/(?!en)[\w-]+\.ts$/ },
      async handler(_, id) {
        const { en } = await load(resolve(locales, "en.ts"));
        const { catalogue } = await load(id);
        const keys = Object.keys(en);
        const wrong = [...keys.filter((key) => !(key in catalogue)), ...Object.keys(catalogue).filter((key) => !(key in en))];
        if (wrong.length > 0) this.error(`missing or unknown keys: ${wrong.join(", ")}`);
        return { code: `export const catalogue = ${JSON.stringify(keys.map((key) => catalogue[key]))};`, map: null };
      },
    },
  };
}
