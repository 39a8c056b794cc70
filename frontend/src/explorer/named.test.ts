import { expect, test, vi } from "vitest";

vi.mock("graphiql", () => ({ GraphiQL: () => null }));
const { named } = await import("./Editor.tsx");

test("the one operation of a text runs under its own name, whatever the editor says", () => {
  const [params, operation] = named({ query: "subscription Live { a }", operationName: "Organization" });
  expect(params.operationName).toBe("Live");
  expect(operation?.operation).toBe("subscription");
  expect(named({ query: "{ a }", operationName: "Organization" })[0].operationName).toBeNull();
});

test("of several, the editor says which", () => {
  const query = "query A { a } subscription B { b }";
  expect(named({ query, operationName: "B" })[1]?.operation).toBe("subscription");
  expect(named({ query, operationName: "Gone" })[1]).toBeNull();
});
