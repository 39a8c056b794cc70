import type { DnsRecord } from "./documents";

export type Tone = "good" | "wait" | "bad";

/** How a record stands, as a tone beside its word; never the tone alone. */
export function tone(record: DnsRecord): Tone {
  if (done(record)) return "good";
  return record.status.startsWith("WRONG") || record.status === "CONFLICT" ? "bad" : "wait";
}

const fine = new Set(["OK", "FLATTENED", "PROXIED", "MERGED", "WAIVED"]);
export const done = (record: DnsRecord) => fine.has(record.status);

export interface Alternative {
  readonly id: string;
  readonly label: string;
  readonly records: readonly DnsRecord[];
}

export interface Groups {
  readonly alone: readonly DnsRecord[];
  readonly groups: readonly { readonly name: string; readonly alternatives: readonly Alternative[] }[];
}

/**
 * Records that all have to be there, and groups of which one alternative is enough. In a group the addresses belong
 * together (A with AAAA); a name is an alternative of its own. The server's order is kept: the first fits the provider.
 */
export function arrange(records: readonly DnsRecord[]): Groups {
  const alone: DnsRecord[] = [];
  const groups = new Map<string, Map<string, DnsRecord[]>>();
  for (const record of records) {
    if (record.requirement !== "ONE_OF" || !record.group) {
      alone.push(record);
      continue;
    }
    const family = record.type === "A" || record.type === "AAAA" ? "address" : record.key;
    const alternatives = groups.get(record.group) ?? new Map<string, DnsRecord[]>();
    groups.set(record.group, alternatives);
    alternatives.set(family, [...(alternatives.get(family) ?? []), record]);
  }
  return {
    alone,
    groups: [...groups].map(([name, alternatives]) => ({
      name,
      alternatives: [...alternatives].map(([id, members]) => ({
        id,
        label: [...new Set(members.map((record) => record.type))].join(" + "),
        records: members,
      })),
    })),
  };
}

/** The alternative that the person seems to be on: one that was seen, else the first. */
export function likely(alternatives: readonly Alternative[]): string {
  return (alternatives.find(({ records }) => records.some((record) => record.status !== "PENDING")) ?? alternatives[0])?.id ?? "";
}
