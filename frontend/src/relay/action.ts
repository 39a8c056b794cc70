import { useCallback, useEffect, useRef, useState } from "react";
import { useRelayEnvironment } from "react-relay/hooks";
import {
  commitLocalUpdate,
  commitMutation,
  type GraphQLTaggedNode,
  type MutationParameters,
  type SelectorStoreUpdater,
} from "relay-runtime";
import { Cancelled, type Fault, failedOf, type RequestFailed } from "./fault.ts";

/** What an action needs of a form of @mantine/form. */
type Form = { setErrors(errors: Record<string, string>): void; getInputNode?(path: string): HTMLElement | null };

/** Somebody else was faster. `overwrite` sends the same change on top of theirs. */
export type Conflict = { fault: Fault; overwrite(): void };

type Options<T extends MutationParameters> = {
  form?: Form;
  updater?: SelectorStoreUpdater<T["response"]>;
  optimisticUpdater?: SelectorStoreUpdater<T["response"]>;
  /** Root field whose `secret` is shown once: it is taken out of the store as soon as it was handed over. */
  secretOf?: string;
  /** Runs after success. */
  onDone?: (data: T["response"]) => void;
  /** Told about failures that have no field in the form; without it they are in `failed`. */
  onFailed?: (failed: RequestFailed) => void;
};

export type Action<T extends MutationParameters> = {
  run(variables: T["variables"]): Promise<T["response"] | undefined>;
  pending: boolean;
  failed: RequestFailed | null;
  /** Seconds until the server takes the call again (RATE_LIMITED). */
  wait: number;
  conflict: Conflict | null;
  clear(): void;
};

/** Two presses within this time, for the same, are one. */
const DOUBLE_CLICK_MS = 500;

function currentVersion(fault: Fault): number | undefined {
  const current = fault.current as { version?: number } | number | undefined;
  return typeof current === "number" ? current : current?.version;
}

/**
 * The one way to change something: pending state, one Idempotency-Key per press (kept over retries, so a double click
 * changes nothing twice), mistakes at their fields with the focus on the first, and lost races as a choice.
 */
export function useAction<T extends MutationParameters>(mutation: GraphQLTaggedNode, options: Options<T> = {}): Action<T> {
  const environment = useRelayEnvironment();
  const latest = useRef(options);
  latest.current = options;
  const [pending, setPending] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [until, setUntil] = useState(0);
  const [wait, setWait] = useState(0);
  const running = useRef<Promise<T["response"] | undefined> | null>(null);
  const last = useRef<{ at: number; what: string; answer: Promise<T["response"] | undefined> } | null>(null);

  useEffect(() => {
    if (!until) return;
    const tick = () => setWait(Math.max(0, Math.ceil((until - Date.now()) / 1000)));
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [until]);

  const start = useCallback(
    async (variables: T["variables"]): Promise<T["response"] | undefined> => {
      const { form, updater, optimisticUpdater, secretOf } = latest.current;
      let shown: string | undefined;
      setPending(true);
      setFailed(null);
      setConflict(null);
      form?.setErrors({});
      try {
        const data = await new Promise<T["response"]>((resolve, reject) => {
          commitMutation<T>(environment, {
            mutation,
            variables,
            updater: (store, response) => {
              if (secretOf) shown = store.getRootField(secretOf as never)?.getDataID();
              updater?.(store, response);
            },
            optimisticUpdater,
            cacheConfig: { metadata: { key: crypto.randomUUID() } },
            onCompleted: (response) => resolve(response),
            onError: reject,
          });
        });
        if (shown) {
          const id = shown;
          commitLocalUpdate(environment, (store) => store.get(id)?.setValue(null, "secret"));
        }
        latest.current.onDone?.(data);
        return data;
      } catch (error) {
        if (error instanceof Cancelled) return undefined;
        const reason = failedOf(error);
        const lost = reason.find("VERSION_CONFLICT");
        const version = lost && currentVersion(lost);
        if (lost && version !== undefined) {
          const input = (variables as { input?: object }).input;
          setConflict({ fault: lost, overwrite: () => void start({ ...variables, input: { ...input, version } }) });
          return undefined;
        }
        const limited = reason.find("RATE_LIMITED");
        if (limited?.retryAfter) setUntil(Date.now() + limited.retryAfter * 1000);
        if (form) {
          form.setErrors(reason.fields);
          const [field] = Object.keys(reason.fields);
          if (field) form.getInputNode?.(field)?.focus();
        }
        setFailed(reason);
        latest.current.onFailed?.(reason);
        return undefined;
      } finally {
        setPending(false);
      }
    },
    [environment, mutation],
  );

  const run = useCallback(
    (variables: T["variables"]) => {
      if (running.current) return running.current;
      const what = JSON.stringify(variables);
      // The second click of a double click, though the answer to the first is there already.
      if (last.current && last.current.what === what && performance.now() - last.current.at < DOUBLE_CLICK_MS) return last.current.answer;
      const answer = start(variables).finally(() => {
        running.current = null;
      });
      running.current = answer;
      last.current = { at: performance.now(), what, answer };
      return answer;
    },
    [start],
  );

  const clear = useCallback(() => {
    setFailed(null);
    setConflict(null);
  }, []);

  return { run, pending, failed, wait, conflict, clear };
}
