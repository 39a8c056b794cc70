import { describe, expect, test } from "vitest";
import { contrast, luminance } from "./accent";
import { details, tell } from "./details/words";
import { ideas, preview } from "./hostname";
import { english, fill, language, mark, rtl, translate } from "./i18n";
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
    const forms = /(zero|one|two|few|many|other) \{[^{}]*\}/g;
    const names = (text: string) => [...text.replace(forms, "").matchAll(/\{(\w+)[,}]/g)].map(([, name]) => name).sort();
    for (const locale of ["ar", "de", "en-XA", "fr"]) {
      const { catalogue } = await language(locale);
      const missing = Object.keys(en).filter((key) => !(key in catalogue));
      expect(missing, `keys that src/locales/${locale}.ts lacks: translate them`).toEqual([]);
      expect(Object.keys(catalogue).filter((key) => !(key in en))).toEqual([]);
      const asked = new Intl.PluralRules(locale).resolvedOptions().pluralCategories.toSorted();
      for (const [key, text] of Object.entries(catalogue)) {
        const model = en[key as keyof typeof en];
        const has = names(text);
        expect(
          has.filter((name) => !names(model).includes(name)),
          `${locale} ${key}`,
        ).toEqual([]);
        // A language may say the same for every count.
        const must = names(model).filter((name) => !model.includes(`{${name}, plural`));
        expect(
          must.filter((name) => !has.includes(name)),
          `${locale} ${key}`,
        ).toEqual([]);
        expect(text.trim()).not.toBe("");
        if (text.includes(", plural,")) expect([...text.matchAll(forms)].map(([, form]) => form).sort(), `${locale} ${key}`).toEqual(asked);
      }
    }
  });
  test("a line from right to left: values isolated, plurals of six forms, digits as in addresses", async () => {
    const words = await language("ar-EG");
    expect([words.locale, rtl(words.locale), rtl("de"), rtl("arn")]).toEqual(["ar-u-nu-latn", true, false, false]);
    expect(translate(words, "manual.open", { provider: "_Plain." })).toBe("فتح \u2068_Plain.\u2069");
    expect(translate(words, "manual.open", { provider: mark })).toBe(`فتح ${mark}`);
    expect(translate(words, "refused.RATE_LIMITED", { n: 2 })).toContain("ثانيتين");
    expect(translate(words, "refused.RATE_LIMITED", { n: 5 })).toContain("5 ثوانٍ");
    expect(translate(words, "refused.RATE_LIMITED", { n: 30 })).toContain("30 ثانية");
    expect(new Intl.DateTimeFormat(words.locale, { hour: "numeric", minute: "2-digit" }).format(0)).toMatch(/[0-9]/);
  });
  test("the details say the same in every language, with the same values", () => {
    const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
    expect(Object.keys(details).sort()).toEqual(["ar", "de", "en", "fr"]);
    for (const [locale, words] of Object.entries(details))
      for (const [key, text] of Object.entries(details.en!)) {
        const said = words[key as keyof typeof words];
        expect(said?.trim(), `${locale} ${key}`).toBeTruthy();
        expect(names(said), `${locale} ${key}`).toEqual(names(text));
      }
    expect(tell({ ...english, locale: "fr-CH" }, "steps", { done: 1, all: 5 })).toBe("étapes terminées : 1 sur 5");
    expect(tell({ ...english, locale: "tlh" }, "csv")).toBe("Download as table");
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
