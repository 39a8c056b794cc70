import { type Catalogue, en, type Key } from "./locales/en";

export type { Key } from "./locales/en";
export type Values = Readonly<Record<string, string | number>>;

export interface Language {
  /** What Intl and the server are told. */
  readonly locale: string;
  readonly catalogue: Catalogue;
}

/** Stands for an element in a sentence. */
export const mark = "\u0001";

export const english: Language = { locale: "en", catalogue: en };

/** In a build a catalogue is the list of its texts in the order of the English keys (build/catalogues.ts). */
type Texts = Catalogue | readonly string[];

const catalogues: Record<string, () => Promise<{ catalogue: Texts }>> = {
  ar: () => import("./locales/ar"),
  de: () => import("./locales/de"),
  fr: () => import("./locales/fr"),
  "en-XA": () => import("./locales/en-XA"),
};

export const rtl = (locale: string) => /^ar\b/.test(locale);

/** region → base → en. Digits stay those of addresses and record values. A catalogue that does not arrive is no reason to show nothing. */
export async function language(wanted: string): Promise<Language> {
  const base = wanted.split("-")[0]!;
  const load = catalogues[wanted] ?? catalogues[base];
  if (!load) return base === "en" ? { locale: wanted, catalogue: en } : english;
  try {
    const { catalogue } = await load();
    const keyed = Array.isArray(catalogue) ? Object.fromEntries(Object.keys(en).map((key, at) => [key, catalogue[at]])) : catalogue;
    return { locale: rtl(wanted) ? `${base}-u-nu-latn` : wanted, catalogue: keyed as Catalogue };
  } catch {
    return english;
  }
}

export function translate({ locale, catalogue }: Language, key: Key, values: Values = {}): string {
  return fill(catalogue[key] ?? en[key] ?? key, values, locale);
}

/** The part of ICU MessageFormat that the catalogues use: `{name}` and `{n, plural, one {…} other {# …}}`. */
export function fill(text: string, values: Values, locale: string): string {
  let out = "";
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf("{", at);
    if (open < 0) return out + text.slice(at);
    const close = closing(text, open);
    if (close === text.length) return out + text.slice(at);
    out += text.slice(at, open) + argument(text.slice(open + 1, close), values, locale);
    at = close + 1;
  }
  return out;
}

function argument(inside: string, values: Values, locale: string): string {
  const [, name = inside, cases] = /^\s*(\w+)\s*,\s*plural\s*,(.*)$/s.exec(inside) ?? [];
  const value = values[name.trim()];
  if (cases === undefined) return value === undefined ? `{${inside}}` : isolate(value, locale);
  const rule = new Intl.PluralRules(locale).select(Number(value));
  const forms: Record<string, string> = {};
  for (let at = 0; ; ) {
    const open = cases.indexOf("{", at);
    if (open < 0) break;
    const close = closing(cases, open);
    forms[cases.slice(at, open).trim()] = cases.slice(open + 1, close);
    at = close + 1;
  }
  return fill((forms[rule] ?? forms.other ?? "").replaceAll("#", String(value)), values, locale);
}

/** A value keeps its own direction (UAX #9). What stands for an element is isolated by the element. */
const isolate = (value: string | number, locale: string) =>
  rtl(locale) && typeof value === "string" && value > mark ? `\u2068${value}\u2069` : String(value);

function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return text.length;
}
