import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type FieldNode, Kind, parse } from "graphql";
import { describe, expect, test } from "vitest";
import { nav } from "./nav.ts";

const tree = readFileSync(resolve("src/routeTree.gen.ts"), "utf8");

describe("navigation", () => {
  test("every entry is a route or a page of its own", () => {
    for (const entry of nav) if (!entry.document) expect(tree, entry.path).toContain(`/$org/${entry.path}`);
  });

  test("no two entries share a key, and none takes a key of the lists", () => {
    const keys = nav.map((entry) => entry.shortcut);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

function* files(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== "__generated__") yield* files(path);
    else if (/\.tsx?$/.test(entry.name)) yield readFileSync(path, "utf8");
  }
}

describe("trusted documents", () => {
  const together = new Set(
    [...files(resolve("src"))].flatMap((code) => [
      ...[...code.matchAll(/# together: \S.*\s+(?:query (\w+)|fragment .*queryName: "(\w+)")/g)].map((match) => match[1] ?? match[2]),
    ]),
  );
  const manifest = JSON.parse(readFileSync(resolve("../graph/documents/console.json"), "utf8")) as Record<string, string>;

  test("a query asks one root field, so that no part of a screen takes another one down, or says why; viewer is free", () => {
    for (const text of Object.values(manifest)) {
      for (const definition of parse(text).definitions) {
        if (definition.kind !== Kind.OPERATION_DEFINITION || definition.operation !== "query") continue;
        if (together.has(definition.name?.value ?? "")) continue;
        const roots = definition.selectionSet.selections
          .flatMap((one) => (one.kind === Kind.FIELD ? [one] : []))
          .map((field: FieldNode) => field.name.value)
          .filter((name) => name !== "viewer" && name !== "__typename");
        expect(roots.length, `${definition.name?.value}: ${roots.join(", ")}`).toBeLessThanOrEqual(1);
      }
    }
  });

  test("ids are the bare SHA-256 of the text", async () => {
    const { createHash } = await import("node:crypto");
    for (const [id, text] of Object.entries(manifest)) expect(createHash("sha256").update(text).digest("hex")).toBe(id);
  });
});
