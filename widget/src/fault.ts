/** One entry of a GraphQL answer's `errors`, as the server's presenter writes it. */
export interface Fault {
  readonly message: string;
  readonly extensions?: {
    readonly code?: string;
    readonly reason?: string;
    readonly field?: string;
    readonly requestId?: string;
    readonly ref?: string;
    readonly retryAfter?: number;
  };
}

/** The server answered, and the answer is no. The first fault is the one that a person sees. */
export class Refused extends Error {
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults[0]?.message ?? "refused");
    this.faults = faults;
  }
}

/** What a screen shows of a refusal: plain data, so that the reducer can hold and compare it. */
export interface Refusal {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly field: string;
  readonly reference: string;
  readonly retryAfter: number;
}

/** Maps whatever was thrown to a refusal. Nothing that the server did not say is shown as its words. */
export function refusal(error: unknown): Refusal {
  const fault = error instanceof Refused ? error.faults[0] : undefined;
  const extensions = fault?.extensions ?? {};
  return {
    code: fault ? (extensions.code ?? "INTERNAL") : "NETWORK",
    reason: extensions.reason ?? "",
    message: fault?.message ?? "",
    field: extensions.field ?? "",
    reference: extensions.ref ?? extensions.requestId ?? "",
    retryAfter: extensions.retryAfter ?? 0,
  };
}

export const ended = (error: unknown) => refusal(error).code === "UNAUTHENTICATED";
