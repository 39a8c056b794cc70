/** One mistake as the server words it: `extensions` of a GraphQL error, or the body of an answer of /auth. */
export type Fault = {
  code: string;
  message: string;
  /** Path inside `input`, the same syntax as in @mantine/form. */
  field?: string;
  reason?: string;
  requestId?: string;
  ref?: string;
  permission?: string;
  purpose?: string;
  retryAfter?: number;
  current?: unknown;
  changedBy?: string;
  changedAt?: string;
  subjectId?: string;
  [member: string]: unknown;
};

type WireError = { message: string; extensions?: Record<string, unknown> };

export function faultOf(error: WireError): Fault {
  return { code: "INTERNAL", ...error.extensions, message: error.message } as Fault;
}

/** All faults of one request. Relay alone would only say "No data returned". */
export class RequestFailed extends Error {
  readonly faults: Fault[];

  constructor(faults: Fault[]) {
    super(faults.map((fault) => fault.message).join(" ") || "The request failed.");
    this.name = "RequestFailed";
    this.faults = faults;
  }

  get first(): Fault {
    return this.faults[0] ?? { code: "INTERNAL", message: this.message };
  }

  has(code: string): boolean {
    return this.faults.some((fault) => fault.code === code);
  }

  find(code: string): Fault | undefined {
    return this.faults.find((fault) => fault.code === code);
  }

  /** Field → message, as `form.setErrors` takes it; the first mistake of a field wins. */
  get fields(): Record<string, string> {
    const out: Record<string, string> = {};
    for (const fault of this.faults) if (fault.field) out[fault.field] ??= fault.message;
    return out;
  }

  get requestId(): string | undefined {
    return this.faults.find((fault) => fault.requestId)?.requestId ?? this.faults.find((fault) => fault.ref)?.ref;
  }
}

/** A dialog (session, step-up) was closed without a proof: nothing ran, nothing has to be said. */
export class Cancelled extends Error {
  constructor() {
    super("cancelled");
    this.name = "Cancelled";
  }
}

/** No answer at all: the network or the server is away. */
export const OFFLINE = "OFFLINE";

export function failedOf(error: unknown): RequestFailed {
  if (error instanceof RequestFailed) return error;
  return new RequestFailed([{ code: "INTERNAL", message: error instanceof Error ? error.message : String(error) }]);
}
