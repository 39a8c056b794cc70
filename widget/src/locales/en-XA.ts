import { type Catalogue, en } from "./en";

const accents: Record<string, string> = { a: "á", e: "é", i: "í", o: "ó", u: "ú", A: "Á", E: "É", O: "Ó" };

/** Pseudo-locale: text that is not from a catalogue shows itself by having no brackets. Placeholders stay as they are. */
const dress = (text: string) => `[${text.replace(/\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|[aeiouAEO]/g, (part) => accents[part] ?? part)}]`;

export const catalogue = Object.fromEntries(Object.entries(en).map(([key, text]) => [key, dress(text)])) as Catalogue;
