export interface Preview {
  readonly unicode: string;
  readonly ascii: string;
}

/**
 * What we will probably connect, while somebody types: the host of a pasted address or e-mail address, lower case.
 * A courtesy only; the server normalises and decides. null: not yet a name with a dot in it.
 */
export function preview(typed: string): Preview | null {
  const unicode = typed
    .trim()
    .toLowerCase()
    .replace(/^[a-z][a-z0-9+.-]*:\/\//, "")
    .replace(/[/?#\\].*$/s, "")
    .replace(/^.*@/, "")
    .replace(/:\d*$/, "")
    .replace(/\.$/, "");
  const [, star = "", name = ""] = /^(\*\.)?(.*)$/s.exec(unicode) ?? [];
  if (!/^[^\s.]+(\.[^\s.]+)+$/.test(name)) return null;
  try {
    const ascii = new URL(`http://${name}`).hostname;
    return /^[\d.]+$|\[/.test(ascii) ? null : { unicode, ascii: star + ascii };
  } catch {
    return null;
  }
}

/** Names that are often meant when a bare domain or a www name is typed. Offered, never chosen for the person. */
export function ideas(
  host: string,
  application: { readonly subdomainRule: string; readonly defaultSubdomain?: string | null },
): readonly string[] {
  const labels = host.split(".");
  if (labels.length === 2 && application.subdomainRule !== "FORBIDDEN") {
    return [...new Set([application.defaultSubdomain, "www"])].filter(Boolean).map((label) => `${label}.${host}`);
  }
  if (labels.length === 3 && labels[0] === "www" && application.subdomainRule !== "REQUIRED") return [host.slice(4)];
  return [];
}
