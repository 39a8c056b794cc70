/** What this tab knows of a registration that waits for its mail. */
export type Registering = { email: string; binding: string; mails: number };

const KEPT = "np-registering";
const CONFIRMED = "np-confirmed";
const CHANNEL = "np-registering";
const PATIENCE_MS = 250;

/** Kept for this tab alone, and gone with it: the binding lets the mailed code or link count as this browser's. */
export function registering(): Registering | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "null") as Registering | null;
  } catch {
    return null;
  }
}

export function remember(now: Registering) {
  sessionStorage.setItem(KEPT, JSON.stringify(now));
}

export function forget() {
  sessionStorage.removeItem(KEPT);
}

/** The registration is over; the sign-in page still knows the address. */
export function finish() {
  const email = registering()?.email;
  if (email) sessionStorage.setItem(CONFIRMED, email);
  forget();
}

/** The address that somebody in this tab has just registered; "" without one. */
export const lately = () => registering()?.email ?? sessionStorage.getItem(CONFIRMED) ?? "";

type Message = { ask: true } | { binding: string } | { confirmed: true };

/** The tab that registered answers the tab that the mail's link has opened, and hears when that one is done. */
export function answerOthers(onConfirmed: () => void): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    const mine = registering();
    if ("confirmed" in data) onConfirmed();
    else if ("ask" in data && mine) channel.postMessage({ binding: mine.binding } satisfies Message);
  };
  return () => channel.close();
}

export function tellConfirmed() {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage({ confirmed: true } satisfies Message);
  channel.close();
}

/** The binding of this browser: this tab's own, or that of another tab that still waits; null where there is none. */
export function bindingHere(): Promise<string | null> {
  const own = registering()?.binding;
  if (own) return Promise.resolve(own);
  return new Promise((resolve) => {
    const channel = new BroadcastChannel(CHANNEL);
    const done = (binding: string | null) => {
      clearTimeout(timer);
      channel.close();
      resolve(binding);
    };
    const timer = setTimeout(() => done(null), PATIENCE_MS);
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if ("binding" in data) done(data.binding);
    };
    channel.postMessage({ ask: true } satisfies Message);
  });
}
