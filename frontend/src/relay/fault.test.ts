import { describe, expect, test } from "vitest";
import { faultOf, RequestFailed } from "./fault.ts";

describe("RequestFailed", () => {
  const failed = new RequestFailed([
    faultOf({ message: "Enter a full domain name.", extensions: { code: "INVALID", field: "hostname", requestId: "01k9" } }),
    faultOf({ message: "A second word about the same.", extensions: { code: "INVALID", field: "hostname" } }),
    faultOf({ message: "Not a URL.", extensions: { code: "INVALID", field: "allowedOrigins.2" } }),
  ]);

  test("gives the form the first mistake of each field", () => {
    expect(failed.fields).toEqual({ hostname: "Enter a full domain name.", "allowedOrigins.2": "Not a URL." });
  });

  test("knows its codes and its request", () => {
    expect(failed.has("INVALID")).toBe(true);
    expect(failed.has("CONFLICT")).toBe(false);
    expect(failed.requestId).toBe("01k9");
  });

  test("an error without extensions is ours", () => {
    expect(faultOf({ message: "boom" })).toMatchObject({ code: "INTERNAL", message: "boom" });
  });
});
