import { type ButtonHTMLAttributes, type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import type { Explain } from "./documents";
import type { Refusal } from "./fault";
import { type Key, type Language, mark, translate, type Values } from "./i18n";
import type { Message, State } from "./state";

export interface Ui {
  readonly state: State;
  readonly send: (message: Message) => void;
  readonly language: Language;
  /** Says something to a screen reader, politely. */
  readonly say: (text: string) => void;
}

export const UiContext = createContext<Ui>(null as never);

export function useUi() {
  const ui = useContext(UiContext);
  const t = (key: Key, values?: Values) => translate(ui.language, key, values);
  return { ...ui, t, app: ui.state.session?.application.name ?? "" };
}

/** A sentence with a host name in it that stands out and stays left to right. */
export function Host({ k, name, field = "host", values }: { k: Key; name: string; field?: string; values?: Values }) {
  const { t } = useUi();
  const [before, after] = t(k, { ...values, [field]: mark }).split(mark);
  return (
    <>
      {before}
      <bdi dir="ltr" class="host">
        {breakable(name)}
      </bdi>
      {after}
    </>
  );
}

/** Long names break after a dot before they break anywhere else. */
export function breakable(name: string): ComponentChildren[] {
  return name.split(/(?<=\.)/).flatMap((part, at) => (at === 0 ? [part] : [<wbr key={at} />, part]));
}

/** The h2 of a screen. It takes the focus when the screen changes, so that a screen reader starts here. */
export function Title({ children }: { children: ComponentChildren }) {
  return (
    <h2 id="title" tabIndex={-1}>
      {children}
    </h2>
  );
}

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { look?: "primary" | "plain" | "quiet"; busy?: boolean };

export function Button({ look = "plain", busy = false, children, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      class={`button ${look}`}
      aria-disabled={busy || undefined}
      // detail counts the clicks of one gesture: the second of a double click may hit what the first has put in its place.
      onClick={(event) => !busy && event.detail < 2 && (onClick as ((event: unknown) => void) | undefined)?.(event)}
      {...rest}
    >
      {busy && <Icon name="busy" />}
      {children}
    </button>
  );
}

/** What was refused and why, once: the focus or the alert says it, never both. */
export function RefusalText({ refusal, id }: { refusal: Refusal; id?: string }) {
  const { t } = useUi();
  const own = refusal.code === "NETWORK" || refusal.code === "RATE_LIMITED" || refusal.code === "INTERNAL";
  return (
    <p class="refusal" id={id} role={id ? undefined : "alert"}>
      <Icon name="alert" />
      <span>
        {own ? t(`refused.${refusal.code}` as Key, { n: refusal.retryAfter || 5 }) : refusal.message || t("refused.INTERNAL")}
        {refusal.code === "INTERNAL" && refusal.reference && (
          <small>
            {" "}
            {t("refused.reference", { ref: "" })}
            <bdi dir="ltr">{refusal.reference}</bdi>
          </small>
        )}
      </span>
    </p>
  );
}

/** A finding's own words, as the server wrote them. */
export function ExplainText({ explain, level = 3 }: { explain: Explain; level?: 0 | 3 }) {
  const { t, app } = useUi();
  const who = explain.who === "CUSTOMER" ? null : t(`problem.${explain.who.toLowerCase()}` as Key, { app });
  return (
    <div class="explain">
      {level > 0 && <h3>{explain.title}</h3>}
      {explain.body && <p>{explain.body}</p>}
      {explain.steps.length > 0 && (
        <ol>
          {explain.steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
      )}
      {who && <p class="muted">{who}</p>}
      {explain.docs && (
        <p>
          <a href={explain.docs} target="_blank" rel="noopener noreferrer">
            {t("problem.docs")}
          </a>
        </p>
      )}
    </div>
  );
}

export function Disclosure({ label, children, open }: { label: ComponentChildren; children: ComponentChildren; open?: boolean }) {
  return (
    <details class="more" open={open}>
      <summary>{label}</summary>
      <div>{children}</div>
    </details>
  );
}

export function CopyButton({ text, what, label }: { text: string; what: string; label?: string }) {
  const { t, say } = useUi();
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (event: { currentTarget: EventTarget | null }) => {
    await toClipboard(text, event.currentTarget as HTMLElement);
    setCopied(true);
    say(t("record.copied.what", { what }));
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 2_000);
  };
  return (
    <button
      type="button"
      class={`copier ${copied ? "copied" : ""} ${label ? "wide" : ""}`}
      onClick={copy}
      aria-label={label || copied ? undefined : t("record.copy", { what })}
    >
      <Icon name={copied ? "check" : "copy"} />
      <span>{copied ? t("record.copied") : (label ?? t("record.copy.short"))}</span>
    </button>
  );
}

/** The clipboard, also where the page is no secure context and the newer way does not exist. */
async function toClipboard(text: string, near: HTMLElement) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "offscreen";
    near.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    near.focus();
  }
}

const paths = {
  check: "M3.5 8.5l3 3 6-7",
  alert: "M8 4.8v3.7M8 11v.1M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8",
  cross: "M4 4l8 8M12 4l-8 8",
  back: "M9.5 3.5L5 8l4.5 4.5",
  out: "M6.5 3.5h-3v9h9v-3M9.5 3.5h3v3M12 4L7.5 8.5",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  busy: "M8 2a6 6 0 1 1-6 6",
  dot: "M8 6.9a1.1 1.1 0 1 0 0 2.2 1.1 1.1 0 0 0 0-2.2",
} as const;

export type IconName = keyof typeof paths;

/** Decoration only: a word always stands beside it. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon ${name}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={paths[name]} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
