import type { Mounted } from "./app";
import type { EventType } from "./events";

export type { EventType } from "./events";

const origin = new URL(import.meta.url).origin;

/**
 * `<nameplate-connect>`: the small part that every page loads. The app behind it comes when it is opened.
 *
 * Attributes: public-key api domain mode ("modal", "inline") locale theme ("auto", "light", "dark") open.
 * The token belongs into the property `token` or comes from `getToken()`, which is asked again for every connection;
 * it is never part of an address and never stored.
 */
export class NameplateConnect extends HTMLElement {
  static observedAttributes = ["open", "mode", "locale", "token"];

  #getToken: (() => Promise<string>) | undefined;
  #token = "";
  #kept = "";
  #waiting: (() => void)[] = [];
  #app: Promise<Mounted> | undefined;
  #resume = "";

  get getToken() {
    return this.#getToken;
  }
  set getToken(getToken) {
    this.#getToken = getToken;
    this.#go();
  }

  get token() {
    return this.#token;
  }
  set token(token: string) {
    this.#token = this.#kept = token;
    this.#go();
    this.#app?.then((app) => app.renew());
  }

  // `open` is an attribute and a method, as the specification of the SDK says; the setter is for frameworks.
  get open(): () => void {
    return () => this.toggleAttribute("open", true);
  }
  set open(open: unknown) {
    this.toggleAttribute("open", !!open);
  }

  /** Closes at once and keeps the place. What runs on the server goes on. */
  close() {
    this.removeAttribute("open");
    if (this.mode === "inline") this.#hide();
  }

  connectedCallback() {
    // What a page set before this script was there hides the accessors: set it again, now that they are.
    for (const [name, value] of Object.entries(this)) {
      if (!(name in NameplateConnect.prototype)) continue;
      Reflect.deleteProperty(this, name);
      Object.assign(this, { [name]: value });
    }
    this.#show();
  }
  disconnectedCallback() {
    this.#hide();
  }
  attributeChangedCallback(name: string, _: string | null, value: string | null) {
    if (name === "token") {
      if (value) this.token = value;
      return;
    }
    if (name === "locale") this.#hide();
    if (name === "open" && value === null && this.mode !== "inline") this.#hide();
    this.#show();
  }

  async #show() {
    if (!this.isConnected || this.#app || !(this.mode === "inline" || this.hasAttribute("open"))) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const emit = (type: EventType, detail: Record<string, unknown>) => {
      this.dispatchEvent(new CustomEvent(`nameplate:${type}`, { detail, bubbles: true, composed: true }));
    };
    this.#app = import("./app").then((app) =>
      app.mount({
        root,
        emit,
        api: this.api.replace(/\/$/, ""),
        publicKey: this.publicKey,
        domain: this.domain,
        resume: this.#resume,
        locale: this.locale || navigator.language,
        modal: this.mode !== "inline",
        token: (fresh) => this.#ask(fresh),
        close: () => this.close(),
      }),
    );
    this.#app.catch(() => {
      this.#app = undefined;
      emit("error", { code: "network", reference: "" });
    });
  }

  #hide() {
    const app = this.#app;
    this.#app = undefined;
    app?.then(
      (mounted) => {
        this.#resume = mounted.resume;
        mounted.unmount();
      },
      () => {},
    );
  }

  async #ask(fresh: boolean): Promise<string> {
    if (this.#getToken && (fresh || !this.#kept)) this.#kept = await this.#getToken();
    if (this.#kept) return this.#kept;
    await new Promise<void>((go) => this.#waiting.push(go));
    return this.#ask(false);
  }

  #go() {
    for (const go of this.#waiting.splice(0)) go();
  }
}

/** Attributes that are properties too. */
for (const [name, fallback] of Object.entries({ publicKey: "", api: origin, domain: "", mode: "modal", locale: "", theme: "auto" })) {
  const attribute = name === "publicKey" ? "public-key" : name;
  Object.defineProperty(NameplateConnect.prototype, name, {
    get(this: HTMLElement) {
      return this.getAttribute(attribute) ?? fallback;
    },
    set(this: HTMLElement, value: string | null) {
      if (value == null) this.removeAttribute(attribute);
      else this.setAttribute(attribute, value);
    },
  });
}

export interface NameplateConnect {
  publicKey: string;
  api: string;
  domain: string;
  mode: string;
  locale: string;
  theme: string;
}

type Handler = (detail: Record<string, unknown>) => void;

export interface Options {
  publicKey?: string;
  api?: string;
  token?: string;
  getToken?: () => Promise<string>;
  domain?: string;
  mode?: "modal" | "inline";
  locale?: string;
  theme?: "auto" | "light" | "dark";
  /** Where the element goes; without it the end of the page. */
  container?: Element;
  onReady?: Handler;
  onStep?: Handler;
  onAnalysis?: Handler;
  onRecordStatus?: Handler;
  onFacet?: Handler;
  onProgress?: Handler;
  onLive?: Handler;
  /** The same as onLive. */
  onSuccess?: Handler;
  onActionRequired?: Handler;
  onError?: Handler;
  onClose?: Handler;
  onExpired?: Handler;
}

export interface Handle {
  element: NameplateConnect;
  close(): void;
  on(type: EventType, handler: Handler): () => void;
  update(options: Pick<Options, "theme" | "locale">): void;
  /** As soon as there is one. */
  connectionId: Promise<string>;
  /** What came of it, when it is closed. */
  done: Promise<Record<string, unknown>>;
}

function open({ container = document.body, ...options }: Options): Handle {
  const element = document.createElement("nameplate-connect") as NameplateConnect;
  const on = (type: string, handler: Handler) => {
    const listener = (event: Event) => handler((event as CustomEvent).detail);
    element.addEventListener(`nameplate:${type}`, listener);
    return () => element.removeEventListener(`nameplate:${type}`, listener);
  };
  const first = <T>(type: string, pick: (detail: never) => T) =>
    new Promise<T>((done) => on(type, (detail) => done(pick(detail as never))));
  for (const [name, value] of Object.entries(options)) {
    if (!/^on[A-Z]/.test(name)) Object.assign(element, { [name]: value });
    else if (value) {
      const type = name
        .slice(2)
        .replace(/(?<=.)[A-Z]/g, "-$&")
        .toLowerCase();
      on(type === "success" ? "live" : type, value as Handler);
    }
  }
  const handle: Handle = {
    element,
    on,
    close: () => element.close(),
    update: (change) => void Object.assign(element, change),
    connectionId: first("progress", (detail: { connectionId: string }) => detail.connectionId),
    done: first("close", (detail: Record<string, unknown>) => detail),
  };
  on("close", () => element.remove());
  container.append(element);
  element.open();
  return handle;
}

export const Nameplate = {
  version: "1.0.0",
  open,
  /** Fetches the app in advance; the returned `open` has these options as its defaults. */
  async load(defaults: Options) {
    await import("./app");
    return { version: "1.0.0", open: (options: Options) => open({ ...defaults, ...options }) };
  },
};

if (!customElements.get("nameplate-connect")) {
  customElements.define("nameplate-connect", NameplateConnect);
  Object.assign(globalThis, { Nameplate });
}
