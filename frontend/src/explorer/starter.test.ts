import { readFileSync } from "node:fs";
import { buildSchema, parse, validate } from "graphql";
import { describe, expect, test } from "vitest";
import { operatorTabs, starterTabs } from "./starter.ts";

const schema = buildSchema(readFileSync("../graph/schema.graphql", "utf8"));

describe("starter documents", () => {
  for (const { query, variables } of [...starterTabs("acme", "org_1"), ...operatorTabs]) {
    const document = parse(query);
    const operation = document.definitions[0];
    test(operation?.kind === "OperationDefinition" ? (operation.name?.value ?? "unnamed") : "none", () => {
      expect(validate(schema, document)).toEqual([]);
      const asked =
        operation?.kind === "OperationDefinition" ? (operation.variableDefinitions ?? []).map((v) => v.variable.name.value) : [];
      expect(Object.keys(JSON.parse(variables ?? "{}"))).toEqual(asked);
    });
  }
});
