import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import i18next from "i18next";
import { afterEach, describe, expect, test } from "vitest";
import { catalogues, digits, isolate, type Language, languages, setLanguage } from "./index.ts";

type Tree = { [key: string]: string | Tree };

function* keys(tree: Tree, path = ""): Generator<[string, string]> {
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") yield [path + key, value];
    else yield* keys(value, `${path}${key}.`);
  }
}

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "__generated__") yield* sources(path);
    else if (/\.tsx?$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name)) yield readFileSync(path, "utf8");
  }
}

const files = import.meta.glob<Tree>("./*/*.json", { eager: true, import: "default" });
const whole = (language: string) => Object.assign({}, ...catalogues.map((name) => files[`./${language}/${name}.json`])) as Tree;
const en = whole("en");
const english = new Map(keys(en));
const names = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();
const others: Record<Exclude<Language, "en">, Tree> = { de: whole("de"), fr: whole("fr"), ar: whole("ar") };
const plural = /_(zero|one|two|few|many|other)$/;
const stems = (map: Map<string, string>) => new Set([...map.keys()].map((key) => key.replace(plural, "")));
const without = (some: Set<string>, those: Set<string>) => [...some].filter((key) => !those.has(key));

/** Latin words that begin or end with a sign which a line from right to left would carry to its other side. */
const torn = (text: string) =>
  [
    ...text
      .replace(/[\u2066\u2068][^\u2066-\u2069]*\u2069/g, " ")
      .replace(/\{\{\w+\}\}|<\/?\w+>/g, " ")
      .matchAll(/[!-~]*[A-Za-z][!-~]*/g),
  ]
    .map(([word]) => word)
    .filter((word) => !/^\(*[A-Za-z0-9]([!-~]*[A-Za-z0-9])?[.,:;!)]*$/.test(word));

describe("catalogues", () => {
  test("each language has each", () => {
    const wanted = Object.keys(languages).flatMap((language) => catalogues.map((name) => `./${language}/${name}.json`));
    expect(Object.keys(files).toSorted()).toEqual(wanted.toSorted());
    for (const language of Object.keys(languages)) {
      const held = catalogues.flatMap((name) => Object.keys(files[`./${language}/${name}.json`] ?? {}));
      expect(new Set(held).size, "a top-level key stands in one catalogue").toBe(held.length);
    }
  });

  for (const [language, tree] of Object.entries(others)) {
    const texts = new Map(keys(tree));
    test(`${language} says everything that English says, with the same values in it`, () => {
      expect(without(stems(english), stems(texts)), `keys that ${language}.json lacks: translate them`).toEqual([]);
      expect(without(stems(texts), stems(english)), `keys of ${language}.json that en.json does not have`).toEqual([]);
      for (const [key, text] of texts) {
        expect(text.trim(), key).not.toBe("");
        const model = english.get(key) ?? english.get(key.replace(plural, "_other")) ?? "";
        const may = new Set(names(model));
        for (const name of names(text)) expect(may, `${language} ${key}`).toContain(name);
        // A form for exactly one, two or none may say the number in words.
        if (!/_(zero|one|two)$/.test(key)) expect(names(text), `${language} ${key}`).toEqual(names(model));
        if (i18next.dir(language) === "rtl") expect(torn(text), `${key}: put these between U+2066 and U+2069`).toEqual([]);
      }
    });
    test(`${language} has the plural forms that CLDR asks for`, () => {
      const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories.toSorted();
      const counted = [...english.keys()].filter((key) => key.endsWith("_other")).map((key) => key.replace(plural, ""));
      for (const key of counted)
        expect(
          forms.filter((form) => !texts.has(`${key}_${form}`)),
          key,
        ).toEqual([]);
    });
  }

  test("every word that a component asks for is there, and none is unused", () => {
    const code = [...sources(resolve("src"))].join("\n");
    const known = stems(english);
    const literal = new Set([...code.matchAll(/\bt\(\s*"([^"]+)"/g)].map((match) => match[1] ?? ""));
    for (const key of literal) expect(known, key).toContain(key);

    const patterns = [...code.matchAll(/\bt\(\s*`([^`]+)`/g)].map(
      (match) => new RegExp(`^${(match[1] ?? "").replace(/[.]/g, "\\.").replace(/\$\{[^}]*(?:\([^)]*\))?[^}]*\}/g, ".+")}$`),
    );
    const quoted = new Set([...code.matchAll(/"([a-zA-Z]+(?:\.[a-zA-Z]+)+|save)"/g)].map((match) => match[1] ?? ""));
    const unused = [...known].filter((key) => !literal.has(key) && !quoted.has(key) && !patterns.some((pattern) => pattern.test(key)));
    expect(unused).toEqual([]);
  });
});

describe("what a page needs", () => {
  const owner = new Map(catalogues.flatMap((name) => Object.keys(files[`./en/${name}.json`] ?? {}).map((key) => [key, name] as const)));

  /** A file and what it imports, without the other pages. */
  function closure(file: string, seen = new Map<string, string>()): Map<string, string> {
    if (seen.has(file) || file.includes("__generated__") || file.endsWith("routeTree.gen.ts")) return seen;
    const code = readFileSync(file, "utf8");
    seen.set(file, code);
    for (const [text, name = ""] of code.matchAll(/(?:from|import) ?\(?"((?:#|\.\.?)\/[^"]+\.tsx?)"/g)) {
      if (text.includes("(") && code.includes("await texts([")) continue; // who loads code later loads its texts with it
      const next = name.startsWith("#") ? resolve("src", name.slice(2)) : resolve(dirname(file), name);
      if (existsSync(next)) closure(next, seen);
    }
    return seen;
  }

  const asked = (file: string): string[] => {
    const names = new Set<string>();
    for (const code of closure(file).values())
      for (const [, key = ""] of code.matchAll(/(?:\bt\(\s*|Key=\{?)["`]([A-Za-z]+)\b/g)) names.add(owner.get(key) ?? "");
    for (const code of closure(file).values())
      for (const [, quoted = "", key = ""] of code.matchAll(/"(([a-zA-Z]+)(?:\.[a-zA-Z]+)+)"/g))
        if (english.has(quoted) || english.has(`${quoted}_other`)) names.add(owner.get(key) ?? "");
    names.delete("");
    names.delete("shell");
    return [...names].toSorted();
  };

  for (const page of readdirSync(resolve("src/routes"))) {
    test(page, () => {
      const file = resolve("src/routes", page);
      const named = /texts: \[([^\]]*)\]/.exec(readFileSync(file, "utf8"))?.[1] ?? "";
      const has = [...named.matchAll(/"(\w+)"/g)].map((match) => match[1] ?? "").toSorted();
      expect(has, `staticData.texts of ${relative(".", file)}`).toEqual(asked(file));
    });
  }

  test("the frame needs what comes with it", () => expect(asked(resolve("src/main.tsx"))).toEqual([]));
  test("the explorer", () =>
    expect(readFileSync("src/graphiql.tsx", "utf8")).toContain(
      `startI18n(${asked(resolve("src/graphiql.tsx"))
        .map((name) => `"${name}"`)
        .join(", ")})`,
    ));
});

describe("from right to left", () => {
  afterEach(() => setLanguage("en", false));

  test("the page turns, and turns back", async () => {
    const page = document.documentElement;
    await setLanguage("ar", false);
    expect([page.lang, page.dir]).toEqual(["ar", "rtl"]);
    expect(i18next.t("nav.domains")).toBe("النطاقات");
    expect(i18next.t("list.fresh", { count: 2 })).toBe("\u20682\u2069 جديدان");
    expect(i18next.t("list.fresh", { count: 11 })).toBe("\u206811\u2069 جديدًا");
    await setLanguage("fr", false);
    expect([page.lang, page.dir]).toEqual(["fr", "ltr"]);
  });

  test("a value keeps its own direction", async () => {
    expect(i18next.t("copy.done", { what: "<b>" })).toBe("Copied: <b>");
    expect(i18next.t("archive.done", { hostname: "متجر.example" })).toBe("\u2068متجر.example\u2069 is disconnected");
    await setLanguage("ar", false);
    expect(i18next.t("archive.done", { hostname: "_shop.example" })).toBe("تم فصل \u2068_shop.example\u2069");
    expect(isolate("shop.example", "ltr")).toBe("shop.example");
  });

  test("digits are those of addresses", () => {
    expect(new Intl.NumberFormat(digits("ar")).format(12)).toBe("12");
    expect(digits("fr")).toBe("fr");
  });
});
