import { describe, expect, test } from "vitest";
import { contrast, luminance } from "./accent";
import { ideas, preview } from "./hostname";
import { english, fill, language, translate } from "./i18n";
import { en } from "./locales/en";
import { arrange, likely, tone } from "./records";
import { record } from "./samples";

describe("messages", () => {
  test("names and plurals", () => {
    expect(fill("{app} has {n, plural, one {# record} other {# records for {app}}}.", { app: "Acme", n: 1 }, "en")).toBe(
      "Acme has 1 record.",
    );
    expect(fill("{n, plural, one {it} other {them}}", { n: 3 }, "en")).toBe("them");
    expect(fill("no {such} value", {}, "en")).toBe("no {such} value");
    expect(fill("open { brace", {}, "en")).toBe("open { brace");
  });
  test("every catalogue has every key, the same placeholders and no empty text", async () => {
    const names = (text: string) =>
      [...text.replace(/(one|other) \{[^{}]*\}/g, "").matchAll(/\{(\w+)[,}]/g)].map(([, name]) => name).sort();
    for (const locale of ["de", "en-XA"]) {
      const { catalogue } = await language(locale);
      expect(Object.keys(catalogue).sort()).toEqual(Object.keys(en).sort());
      for (const [key, text] of Object.entries(catalogue)) {
        expect(new Set(names(text)), `${locale} ${key}`).toEqual(new Set(names(en[key as keyof typeof en])));
        expect(text.trim()).not.toBe("");
      }
    }
  });
  test("region falls back to base, the unknown to English", async () => {
    expect((await language("de-CH")).catalogue["domain.continue"]).toBe("Weiter");
    expect((await language("en-GB")).locale).toBe("en-GB");
    expect(await language("tlh")).toBe(english);
  });
  test("a missing key is English, not a hole", () => {
    expect(translate({ locale: "de", catalogue: {} as never }, "domain.continue")).toBe("Continue");
  });
  test("the pseudo-locale leaves placeholders alone", async () => {
    const words = await language("en-XA");
    expect(translate(words, "manual.title", { n: 2, provider: "Plain" })).toMatch(/^\[.*2.*Plain\]$/);
  });
});

describe("what is typed", () => {
  for (const [typed, ascii] of [
    ["shop.acme.com", "shop.acme.com"],
    ["  HTTPS://User:pw@Shop.Acme.com:8443/a?b#c ", "shop.acme.com"],
    ["ana@acme.com", "acme.com"],
    ["*.acme.com", "*.acme.com"],
    ["acme.com.", "acme.com"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["intranet", null],
    ["", null],
    ["1.2.3.4", null],
    ["0x7f.1", null],
    ["[::1]", null],
    ["a..b", null],
    ["acme.", null],
    ["a b.com", null],
    ["<img src=x>.com", null],
    [`${"a.".repeat(2000)}com`, undefined],
  ] as const) {
    test(JSON.stringify(typed.slice(0, 40)), () => {
      const seen = preview(typed);
      if (ascii === undefined) return expect(seen === null || seen.ascii.length > 0).toBe(true);
      expect(seen?.ascii ?? null).toBe(ascii);
    });
  }
  test("ideas are offered for a bare domain and for www", () => {
    const open = { subdomainRule: "OPTIONAL", defaultSubdomain: "shop" };
    expect(ideas("acme.com", open)).toEqual(["shop.acme.com", "www.acme.com"]);
    expect(ideas("www.acme.com", open)).toEqual(["acme.com"]);
    expect(ideas("www.acme.com", { ...open, subdomainRule: "REQUIRED" })).toEqual([]);
    expect(ideas("acme.com", { ...open, subdomainRule: "FORBIDDEN" })).toEqual([]);
    expect(ideas("a.b.acme.com", open)).toEqual([]);
    expect(ideas("acme.com", { subdomainRule: "OPTIONAL", defaultSubdomain: null })).toEqual(["www.acme.com"]);
  });
});

describe("records", () => {
  test("tones", () => {
    for (const [status, want] of [
      ["OK", "good"],
      ["PROXIED", "good"],
      ["PARTIAL", "wait"],
      ["PENDING", "wait"],
      ["UNVERIFIABLE", "wait"],
      ["WRONG_NAME", "bad"],
      ["CONFLICT", "bad"],
    ] as const) {
      expect(tone({ ...record, status }), status).toBe(want);
    }
  });
  test("addresses of a group belong together, a name stands alone", () => {
    const one = (key: string, type: "A" | "AAAA" | "ALIAS") => ({ ...record, key, type, requirement: "ONE_OF" as const, group: "apex" });
    const { alone, groups } = arrange([one("alias", "ALIAS"), one("a", "A"), one("aaaa", "AAAA"), record]);
    expect(alone).toEqual([record]);
    expect(groups[0]?.alternatives.map(({ label }) => label)).toEqual(["ALIAS", "A + AAAA"]);
    expect(likely(groups[0]!.alternatives)).toBe("alias");
    const [alias, address] = groups[0]!.alternatives;
    expect(likely([alias!, { ...address!, records: address!.records.map((r) => ({ ...r, status: "OK" as const })) }])).toBe("address");
  });
});

test("contrast is that of WCAG", () => {
  expect(contrast(luminance("rgb(255, 255, 255)")!, luminance("rgb(0, 0, 0)")!)).toBe(21);
  expect(contrast(luminance("rgb(118, 118, 118)")!, 1)).toBeCloseTo(4.54, 2);
  expect(luminance("color(srgb 1 1 1)")).toBeNull();
});
