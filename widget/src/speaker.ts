import type { State } from "./state";

const spacing = 5_000;

/** The one polite live region: what the connection's headline became, at most every five seconds; copies at once. */
export class Speaker {
  #region: HTMLElement | null = null;
  #last = "";
  #saidAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  attach = (region: HTMLElement | null) => {
    this.#region = region;
  };

  state(state: State) {
    const headline = state.connection?.progress.headline ?? "";
    if (!headline || headline === this.#last) return;
    this.#last = headline;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.say(this.#last), Math.max(0, this.#saidAt + spacing - performance.now()));
  }

  say = (text: string) => {
    this.#saidAt = performance.now();
    if (this.#region) this.#region.textContent = text;
  };

  stop() {
    clearTimeout(this.#timer);
  }
}
