/**
 * A brand colour that cannot be read is not used for what has to be read: the text on it turns dark or light, and where
 * the colour is too near the surface (below 4.5:1) our own takes its place.
 */
export function readableAccent(place: HTMLElement) {
  const probe = document.createElement("i");
  probe.className = "probe";
  place.append(probe);
  const style = getComputedStyle(probe);
  const accent = luminance(style.color);
  const surface = luminance(style.backgroundColor);
  probe.remove();
  if (accent === null || surface === null) return;
  if (contrast(accent, surface) < 4.5) place.dataset.accent = "own";
  else if (contrast(accent, 1) < 4.5) place.dataset.ink = "dark";
}

export function luminance(color: string): number | null {
  const parts = /^rgba?\(([\d.]+)[, ]+([\d.]+)[, ]+([\d.]+)/.exec(color);
  if (!parts) return null;
  const [r, g, b] = parts.slice(1, 4).map((part) => {
    const channel = Number(part) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

export function contrast(a: number, b: number): number {
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
