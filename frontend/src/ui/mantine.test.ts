// @vitest-environment node
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

test("the style sheet holds what src imports, no more and no less", async () => {
  const { sheet } = (await import(resolve("build/mantine-css.mjs"))) as { sheet(): string };
  expect(readFileSync(resolve("src/ui/mantine.css"), "utf8")).toBe(sheet());
});

test("all Mantine packages have one version", () => {
  const { dependencies } = JSON.parse(readFileSync(resolve("package.json"), "utf8")) as { dependencies: Record<string, string> };
  const versions = Object.entries(dependencies).filter(([name]) => name.startsWith("@mantine/"));
  expect(new Set(versions.map(([, version]) => version)).size).toBe(1);
});

test("the lock names no registry", () => {
  expect(readFileSync(resolve("package-lock.json"), "utf8")).not.toMatch(/"resolved"|https?:\/\/[^"]*\.tgz/);
});
