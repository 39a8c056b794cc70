import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, test } from "vitest";
import { RequestFailed } from "#/relay/index.ts";
import { waiting } from "#/test/relay-test-utils.ts";
import { createMockEnvironment, show } from "#/test/render.tsx";
import { slugOf } from "./slug.ts";
import { snippet, snippetNames } from "./snippets.ts";
import WidgetTab from "./WidgetTab.tsx";

const application = {
  id: "app_1",
  version: 3,
  publicKey: "np_pk_1",
  environment: "LIVE",
  allowedOrigins: ["https://app.acme.com"],
};

async function open(permissions?: string[]) {
  const environment = createMockEnvironment();
  show(<WidgetTab id="app_1" />, environment, permissions);
  await waitFor(() => expect(waiting(environment, "WidgetTabQuery")).toHaveLength(1));
  act(() => environment.mock.resolveMostRecentOperation({ data: { application: { ...application, __typename: "Application" } } }));
  await screen.findByRole("textbox", { name: "Origin 1" });
  return environment;
}

describe("allowed origins", () => {
  test("a refused origin keeps its line, with the word beside it", async () => {
    const environment = await open();
    const user = userEvent.setup();
    await user.click(screen.getByRole("button", { name: "Add an origin" }));
    await user.type(screen.getByRole("textbox", { name: "Origin 2" }), "nonsense");
    await user.click(screen.getByRole("button", { name: "Save" }));
    const operation = environment.mock.getMostRecentOperation();
    expect(operation.request.variables).toEqual({
      input: { id: "app_1", version: 3, allowedOrigins: ["https://app.acme.com", "nonsense"] },
    });
    const fault = { code: "INVALID", field: "allowedOrigins.1", message: "Write an origin." };
    act(() => environment.mock.rejectMostRecentOperation(new RequestFailed([fault])));
    expect(await screen.findByText("Write an origin.")).toBeTruthy();
    expect(screen.getByRole("textbox", { name: "Origin 2" }).getAttribute("aria-invalid")).toBe("true");
    expect(screen.getByRole("textbox", { name: "Origin 1" }).getAttribute("aria-invalid")).not.toBe("true");
  });

  test("who may only read cannot change them", async () => {
    await open([]);
    expect(screen.getByRole("button", { name: "Save" })).toHaveProperty("disabled", true);
  });
});

describe("snippets", () => {
  const input = { api: "https://nameplate.example", applicationId: "app_1", publicKey: "np_pk_1", origin: "https://app.acme.com" };

  test("what goes into a page never holds the API key or the application's id", () => {
    for (const name of ["html", "react"] as const) {
      expect(snippet(name, input)).toContain('public-key="np_pk_1"');
      expect(snippet(name, input)).toContain("https://nameplate.example/widget/v1/connect.js");
      expect(snippet(name, input)).not.toMatch(/API_KEY|app_1/);
    }
  });

  test("what runs on the server mints for an end user and an origin", () => {
    for (const name of ["node", "curl"] as const) {
      expect(snippet(name, input)).toMatch(/createWidgetToken[\s\S]*app_1[\s\S]*https:\/\/app\.acme\.com/);
      expect(snippet(name, input)).toContain("endUserRef");
    }
  });

  test("none leaves a gap", () => {
    for (const name of snippetNames) expect(snippet(name, input)).not.toMatch(/undefined|\$\{(?!process)/);
  });
});

test.each([
  ["Ménü & Shop!", "menu-shop"],
  ["  ", ""],
  ["Ünïcode 漢字 2", "unicode-2"],
  [`${"a".repeat(39)} b`, "a".repeat(39)],
])("the short name of %j is %j", (name, slug) => {
  expect(slugOf(name)).toBe(slug);
});
