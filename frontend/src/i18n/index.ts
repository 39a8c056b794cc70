import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import shell from "./en/shell.json";

/** Languages that have catalogues. */
export const languages = { en: "English", de: "Deutsch", fr: "Français", ar: "العربية" } as const;
export type Language = keyof typeof languages;

/**
 * A catalogue holds the texts of some pages, under top-level keys of its own: `webhooks.json` has `webhooks` and `deliveries`. Pages name in `staticData.texts`
 * what they need beyond `shell`, which is what the frame and the building blocks of all pages say. English's shell is in the first load; everything else
 * comes when it is asked for.
 */
export type Catalogue = (typeof catalogues)[number];
export const catalogues = [
  "shell",
  "account",
  "applications",
  "audit",
  "domains",
  "explorer",
  "factors",
  "incidents",
  "keys",
  "members",
  "operate",
  "profile",
  "programs",
  "providers",
  "settings",
  "start",
  "sso",
  "webhooks",
] as const;

type Tree = { default: Record<string, unknown> };
const files = import.meta.glob<Tree>(["./*/*.json", "!./en/shell.json"]);
const KEPT = "np-language";

/** What Intl is told: digits are written as those of addresses and record values beside them. */
export const digits = (language: string) => (language === "ar" ? "ar-u-nu-latn" : language);

const FROM_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/** Keeps a value out of the direction of its sentence (UAX #9): the same rule as the server's. */
export const isolate = (value: string, direction = i18next.dir()) =>
  direction === "rtl" || FROM_RIGHT.test(value) ? `\u2068${value}\u2069` : value;

/** React escapes; what is left for us is the direction. */
export const interpolation = { escapeValue: true, escape: (value: string) => isolate(value) };

function wanted(): Language {
  const kept = localStorage.getItem(KEPT);
  for (const tag of [kept, ...navigator.languages]) {
    const language = tag?.slice(0, 2).toLowerCase();
    if (language && language in languages) return language as Language;
  }
  return "en";
}

let language: Language = "en";
const asked = new Set<Catalogue>(["shell"]);
const there = new Set<string>(["en/shell"]);
const loading = new Map<string, Promise<void>>();

function load(path: string): Promise<void> {
  const under = loading.get(path);
  if (under || there.has(path)) return under ?? Promise.resolve();
  const promise = (files[`./${path}.json`]?.() ?? Promise.reject(new Error(`There is no catalogue ${path}.`)))
    .then((tree) => {
      i18next.addResourceBundle(path.slice(0, 2), "translation", tree.default, true);
      there.add(path);
    })
    .finally(() => loading.delete(path));
  loading.set(path, promise);
  return promise;
}

/** Whether all of them are here, in the language of the page. */
export const haveTexts = (names: readonly Catalogue[]) => names.every((name) => there.has(`${language}/${name}`));

/** Fetches catalogues, each once, and again when it could not be had. They follow when the language changes. */
export async function texts(names: readonly Catalogue[]): Promise<void> {
  for (const name of names) asked.add(name);
  await Promise.all(names.map((name) => load(`${language}/${name}`)));
}

export async function setLanguage(to: Language, keep = true): Promise<void> {
  await Promise.all([...asked].map((name) => load(`${to}/${name}`)));
  language = to;
  await texts([...asked]); // those that were asked for meanwhile
  if (keep) localStorage.setItem(KEPT, to);
  await i18next.changeLanguage(to);
  document.documentElement.lang = to;
  document.documentElement.dir = i18next.dir(to);
}

export async function startI18n(...names: Catalogue[]): Promise<void> {
  for (const name of names) asked.add(name);
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    resources: { en: { translation: { ...shell } } }, // catalogues are added to it
    interpolation,
    react: { useSuspense: false },
  });
  await setLanguage(wanted(), false);
}
