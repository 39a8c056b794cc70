import type { CertificateStatus } from "#/relay/__generated__/CertificatesTable_row.graphql.ts";
import type { Tone } from "#/ui/Status.tsx";

/** How the status of a certificate looks. */
export const certificateTone: Record<CertificateStatus, Tone> = {
  NONE: "none",
  PREFLIGHT: "busy",
  ORDERING: "busy",
  VALIDATING: "busy",
  ISSUED: "good",
  RENEWING: "busy",
  FAILED: "bad",
  REVOKED: "bad",
  EXPIRED: "bad",
};
