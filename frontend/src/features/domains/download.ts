type Line = {
  readonly type: string;
  readonly fqdn: string;
  readonly display: {
    readonly name: string;
    readonly value: string;
    readonly ttl: string;
    readonly extra: readonly string[];
    readonly bindLine: string;
  };
};

/** A field of RFC 4180. Names and values are made by us from host names and tokens, so that none begins a formula. */
const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A table for people and spreadsheets: as it is typed at the provider, with the full name beside it. */
export function csv(lines: readonly Line[]): string {
  const rows = lines.map(({ type, fqdn, display }) => [type, display.name, display.value, display.ttl, display.extra[0] ?? "", fqdn]);
  return [["Type", "Name", "Value", "TTL", "Priority", "Full name"], ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

/** The lines of a zone file (RFC 1035 section 5). */
export const zoneFile = (hostname: string, lines: readonly Line[]) =>
  `; ${hostname}\n${lines.map((line) => `${line.display.bindLine}\n`).join("")}`;

/** Hands a text to the browser as a file. */
export function save(name: string, text: string, type: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}
