import type { ConnectionState } from "#/relay/__generated__/DomainRow_connection.graphql.ts";
import type { Tone } from "#/ui/Status.tsx";

/** How each headline state looks. The word beside it comes from the catalogue. */
export const stateTone: Record<ConnectionState, Tone> = {
  DRAFT: "none",
  ANALYZING: "busy",
  ACTION_REQUIRED: "warn",
  APPLYING: "busy",
  VERIFYING: "busy",
  SECURING: "busy",
  LIVE: "good",
  DEGRADED: "warn",
  SUSPENDED: "none",
  FAILED: "bad",
  BLOCKED: "bad",
  CONTESTED: "bad",
  ARCHIVED: "none",
};

/** The tabs above the list. "all" is everything that is still connected. */
export const views = {
  all: [
    "DRAFT",
    "ANALYZING",
    "ACTION_REQUIRED",
    "APPLYING",
    "VERIFYING",
    "SECURING",
    "LIVE",
    "DEGRADED",
    "SUSPENDED",
    "FAILED",
    "BLOCKED",
    "CONTESTED",
  ],
  attention: ["ACTION_REQUIRED", "DEGRADED", "SUSPENDED", "FAILED", "BLOCKED", "CONTESTED"],
  progress: ["DRAFT", "ANALYZING", "APPLYING", "VERIFYING", "SECURING"],
  live: ["LIVE"],
  archived: ["ARCHIVED"],
} as const satisfies Record<string, readonly ConnectionState[]>;

export type View = keyof typeof views;

const facetTones: Record<string, Record<string, Tone>> = {
  ownership: { verified: "good", pending: "warn", contested: "bad", lost: "bad" },
  dns: { correct: "good", partial: "busy", conflicting: "bad", drifted: "warn" },
  tls: { issued: "good", pending: "busy", renewing: "busy", blocked: "bad", expired: "bad", renewal_at_risk: "warn" },
  edge: { serving: "good", redirecting: "good", staged: "busy", suspended: "bad" },
};

export const facetNames = ["ownership", "dns", "tls", "edge"] as const;

export function facetTone(facet: string, value: string): Tone {
  return facetTones[facet]?.[value.toLowerCase()] ?? "none";
}
