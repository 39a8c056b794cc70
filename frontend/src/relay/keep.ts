/**
 * Keeps the session alive while somebody works. In the middle of the time that is left, one tab asks for more (Web Locks) and the others learn of it; when
 * nobody has touched any tab since the last time, nobody asks, and the session ends as it should.
 */
const UNTIL = "np-session-until";
const TOUCHED = "np-touched";
const RETRY_MS = 5_000;

let until = 0;
let since = 0;
let noted = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let renew: (() => Promise<void>) | null = null;

const read = (key: string) => Number(localStorage.getItem(key)) || 0;

/** The session lives until then, by this machine's clock; `refresh` asks for more and calls this again. */
export function lives(end: number, refresh: () => Promise<void>) {
  if (!renew) listen();
  renew = refresh;
  localStorage.setItem(UNTIL, String(end));
  adopt(end);
}

/** Nobody is signed in any more. */
export function ended() {
  clearTimeout(timer);
  until = 0;
}

function adopt(end: number) {
  until = end;
  since = Date.now();
  plan();
}

const middle = () => since + (until - since) / 2;

function plan(wait = middle() - Date.now()) {
  clearTimeout(timer);
  if (until > Date.now()) timer = setTimeout(() => void look(), Math.max(0, wait));
}

async function look() {
  const now = Date.now();
  if (!renew || !until || now >= until || now < middle() || read(TOUCHED) < since) return; // the next touch looks again
  const known = until;
  const ask = async () => {
    const told = read(UNTIL);
    if (told > known) adopt(told);
    else if (until === known) await renew?.();
  };
  try {
    await (navigator.locks ? navigator.locks.request("np-refresh", ask) : ask());
  } catch {
    plan(RETRY_MS); // no network; a session that is over shows itself at the next call
  }
}

function touch() {
  const now = Date.now();
  if (now - noted < 1_000) return;
  noted = now;
  localStorage.setItem(TOUCHED, String(now));
  if (until && now >= middle()) void look();
}

function listen() {
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"]) addEventListener(kind, touch, { passive: true, capture: true });
  addEventListener("storage", ({ key }) => {
    if (key === UNTIL && read(UNTIL) > until) adopt(read(UNTIL));
    if (key === TOUCHED && until && Date.now() >= middle()) void look();
  });
}
