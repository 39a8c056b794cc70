import { type Answer, type Authenticator, auth, entered, type MfaRequired } from "./session.ts";

/** Answers an authenticator's question. */
export type Proof = { code: string; oobCode?: string | null } | { webauthn: unknown };

/** What an authenticator was asked: where a code was sent the word that goes back with it, and what a passkey signs. */
export type Question = { oobCode?: string | null; webauthnRequestOptions?: unknown };

/** What a new authenticator needs to be confirmed. */
export type Association = {
  authenticatorId: string;
  kind: string;
  oobCode?: string | null;
  barcodeUri?: string | null;
  secret?: string | null;
  webauthnCreationOptions?: unknown;
  recoveryCodes?: readonly string[] | null;
};

type Said = { result: string };

/** The second step of a sign-in. Which one it is, a cookie says. */
export const secondStep = {
  inProgress: async (): Promise<MfaRequired | null> => {
    const answer = await auth<Answer | MfaRequired>("mfa");
    return answer.result === "mfa_required" ? (answer as MfaRequired) : null;
  },
  challenge: (of: Authenticator) => auth<Said & Question>("mfa/challenge", { authenticatorId: of.id }),
  verify: async (of: Authenticator, proof: Proof) =>
    entered(await auth<Answer | MfaRequired>("mfa/verify", { authenticatorId: of.id, ...proof })),
  sendCode: () => auth<Said>("mfa/enrolment-code", {}),
  associate: (kind: string, emailCode: string) => auth<Said & Association>("mfa/associate", { kind, emailCode }),
  confirm: async (id: string, proof: Proof) => entered(await auth<Answer | MfaRequired>("mfa/confirm", { authenticatorId: id, ...proof })),
};

/** A passkey as the first proof, which is both: nobody types a name. */
export const passkeySignIn = {
  options: () => auth<Said & { webauthnRequestOptions: unknown; expiresAt: string }>("passkey/options", {}),
  answer: async (webauthn: unknown) => entered(await auth<Answer | MfaRequired>("passkey", { webauthn })),
};
