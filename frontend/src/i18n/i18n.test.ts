import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import de from "./de.json";
import en from "./en.json";

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

const english = new Map(keys(en));
const names = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort();

describe("catalogues", () => {
  test("German says everything that English says, with the same values in it", () => {
    const german = new Map(keys(de));
    expect([...german.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [key, text] of english) expect(names(german.get(key) ?? ""), key).toEqual(names(text));
  });

  test("every word that a component asks for is there, and none is unused", () => {
    const code = [...sources(resolve("src"))].join("\n");
    const stems = new Set([...english.keys()].map((key) => key.replace(/_(one|other)$/, "")));
    const literal = new Set([...code.matchAll(/\bt\(\s*"([^"]+)"/g)].map((match) => match[1] ?? ""));
    for (const key of literal) expect(stems, key).toContain(key);

    const patterns = [...code.matchAll(/\bt\(\s*`([^`]+)`/g)].map(
      (match) => new RegExp(`^${(match[1] ?? "").replace(/[.]/g, "\\.").replace(/\$\{[^}]*(?:\([^)]*\))?[^}]*\}/g, ".+")}$`),
    );
    const quoted = new Set([...code.matchAll(/"([a-zA-Z]+(?:\.[a-zA-Z]+)+|save)"/g)].map((match) => match[1] ?? ""));
    const unused = [...stems].filter((key) => !literal.has(key) && !quoted.has(key) && !patterns.some((pattern) => pattern.test(key)));
    expect(unused).toEqual([]);
  });
});
