export type ResolverEta = {
  readonly resolver: string;
  readonly region: string | null | undefined;
  readonly seconds: number;
  readonly reason: string;
};
export type Eta = { readonly until: string; readonly seconds: number; readonly perResolver: readonly ResolverEta[] };

/** What a person is told of a wait. `seconds` are left from now; 0 means any moment. */
export type Wait = { who: string | null; when: "now" | "seconds" | "minutes" | "hours" | "done" | "unknown"; count: number };

/** Rounded as people round: 12 minutes rather than 11:40, and never less than is left. */
export function wait(who: string | null, seconds: number): Wait {
  if (seconds <= 5) return { who, when: "now", count: 0 };
  if (seconds < 55) return { who, when: "seconds", count: Math.ceil(seconds / 5) * 5 };
  if (seconds < 90 * 60) return { who, when: "minutes", count: Math.ceil(seconds / 60) };
  return { who, when: "hours", count: Math.ceil(seconds / 3600) };
}

/** Seconds of an ETA that are left: the seconds of one resolver count from the same instant as those of all. */
export const left = (eta: Eta, seconds: number, now: number) =>
  Math.max(0, Math.ceil((new Date(eta.until).getTime() - (eta.seconds - seconds) * 1000 - now) / 1000));

/** One sentence for everybody, and one for each resolver, the slowest first. */
export function waits(eta: Eta, now: number): { all: Wait; each: Wait[] } {
  const of = (one: ResolverEta): Wait => {
    const who = one.region ? `${one.resolver} (${one.region})` : one.resolver;
    if (one.reason === "UP_TO_DATE") return { who, when: "done", count: 0 };
    if (one.reason === "NOT_ASKED") return { who, when: "unknown", count: 0 };
    return wait(who, left(eta, one.seconds, now));
  };
  const everywhere = eta.perResolver.length > 0 && eta.perResolver.every((one) => one.reason === "UP_TO_DATE");
  return {
    all: everywhere ? { who: null, when: "done", count: 0 } : wait(null, left(eta, eta.seconds, now)),
    each: eta.perResolver.toSorted((a, b) => b.seconds - a.seconds).map(of),
  };
}
