/** The last places of this browser, for the palette. Names only, no contents. */
export type Place = { path: string; label: string };

const KEY = "np-recent";
const KEPT = 10;

export function recent(): Place[] {
  try {
    const list = JSON.parse(localStorage.getItem(KEY) ?? "[]") as Place[];
    return list.filter((place) => typeof place.path === "string" && typeof place.label === "string").slice(0, KEPT);
  } catch {
    return [];
  }
}

export function visited(place: Place) {
  const list = [place, ...recent().filter((other) => other.path !== place.path)].slice(0, KEPT);
  localStorage.setItem(KEY, JSON.stringify(list));
}
