/** What an answer means for a line; see the enum of the schema. */
export type AnswerOutcome = "FOUND" | "ABSENT" | "WRONG" | "COULD_NOT_ASK";

/** What one server answered for one line. */
export type Seen = {
  readonly server: string;
  readonly values: readonly string[];
  readonly ttl: number | null | undefined;
  readonly rcode: string;
  readonly authoritative: boolean;
  readonly at: string;
  readonly outcome: AnswerOutcome;
};

export type Server = { key: string; name: string; address: string; verdict: string | null };

/** "ns1.plain-dns.lab (127.0.53.10)" in its two parts. */
export function parts(server: string): { name: string; address: string } {
  const [, name = server, address = ""] = /^(\S+)\s+\((.+)\)$/.exec(server) ?? [];
  return { name: name.replace(/\.$/, ""), address };
}

type NameServer = { readonly name: string; readonly address: string; readonly verdict: string };

/**
 * The columns of the matrix: every server that answered for a line, and every one of the zone that did not, so that a silent
 * server is a column and not a gap. In the order of their names.
 */
export function columns(records: readonly { readonly observed: readonly Seen[] }[], zone: readonly NameServer[]): Server[] {
  const all = new Map<string, Server>();
  for (const one of zone) {
    const name = one.name.replace(/\.$/, "");
    all.set(`${name} ${one.address}`, { key: `${name} ${one.address}`, name, address: one.address, verdict: one.verdict });
  }
  for (const seen of records.flatMap((record) => record.observed)) {
    const { name, address } = parts(seen.server);
    const key = `${name} ${address}`;
    if (!all.has(key)) all.set(key, { key, name, address, verdict: null });
  }
  return [...all.values()].sort((a, b) => a.key.localeCompare(b.key, "en", { numeric: true }));
}

export const seenBy = (record: { readonly observed: readonly Seen[] }, server: Server): Seen | undefined =>
  record.observed.find((one) => {
    const { name, address } = parts(one.server);
    return name === server.name && address === server.address;
  });

type Said = Pick<Seen, "values" | "ttl" | "rcode">;

/**
 * The type of the records in an answer. A server that has an alias answers every question with it (RFC 1034 section 3.6.2): such an
 * answer is a CNAME, whatever was asked. `alias` is what the server answered for CNAME, where that is known.
 */
export function answered(type: string, said: Said, alias: readonly string[] = []): string {
  if (type === "CNAME" || said.values.length === 0) return type;
  const foreign =
    (type === "A" && !said.values.every((value) => /^[\d.]+$/.test(value))) ||
    (type === "AAAA" && !said.values.every((value) => value.includes(":")));
  const same = alias.length > 0 && alias.join() === said.values.join();
  return foreign || same || said.rcode === "NXDOMAIN" ? "CNAME" : type;
}

/** An answer as a zone file writes it, line by line: what the server really said. */
export function raw(fqdn: string, type: string, said: Said, alias?: readonly string[]): string[] {
  const real = answered(type, said, alias);
  const value = (text: string) => (real === "TXT" ? JSON.stringify(text) : real === "CNAME" ? `${text.replace(/\.$/, "")}.` : text);
  return said.values.map((text) => `${fqdn.replace(/\.$/, "")}. ${said.ttl ?? ""} IN ${real} ${value(text)}`);
}
