import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./en.json";

/** Languages that have a catalogue. English is in the first load, the others come when they are asked for. */
export const languages = { en: "English", de: "Deutsch", fr: "Français", ar: "العربية" } as const;
export type Language = keyof typeof languages;

const lazy = import.meta.glob<{ default: Record<string, unknown> }>(["./*.json", "!./en.json"]);
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

export async function setLanguage(language: Language, keep = true): Promise<void> {
  if (!i18next.hasResourceBundle(language, "translation")) {
    const catalogue = await lazy[`./${language}.json`]?.();
    if (catalogue) i18next.addResourceBundle(language, "translation", catalogue.default);
  }
  if (keep) localStorage.setItem(KEPT, language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  document.documentElement.dir = i18next.dir(language);
}

export async function startI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    resources: { en: { translation: en } },
    interpolation,
    react: { useSuspense: false },
  });
  await setLanguage(wanted(), false);
}
