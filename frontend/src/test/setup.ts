import { cleanup } from "@testing-library/react";
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { afterEach, vi } from "vitest";
import shell from "#/i18n/en/shell.json";
import { catalogues, interpolation, texts } from "#/i18n/index.ts";

// relay-test-utils was written for jest and asks for it by name.
vi.stubGlobal("jest", vi);

await i18next.use(initReactI18next).init({
  lng: "en",
  resources: { en: { translation: { ...shell } } }, // catalogues are added to it
  interpolation,
  react: { useSuspense: false },
});
await texts(catalogues);

if (typeof window !== "undefined") {
  window.matchMedia ??= ((query: string) => ({
    matches: false,
    media: query,
    addEventListener: () => {},
    removeEventListener: () => {},
    addListener: () => {},
    removeListener: () => {},
  })) as never;
  window.ResizeObserver ??= class {
    observe() {}
    unobserve() {}
    disconnect() {}
  } as never;
  // Textareas that grow listen for fonts.
  if (!document.fonts) Object.defineProperty(document, "fonts", { value: new EventTarget() });
  window.scrollTo = () => {};
  document.body.innerHTML = '<section id="overlays"></section>';
}

afterEach(() => {
  cleanup();
});
