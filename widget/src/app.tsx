import { type ComponentType, render } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { readableAccent } from "./accent";
import { Controller, type Host } from "./controller";
import { type Language, language, rtl, translate } from "./i18n";
import { LinkBar, Overlays } from "./overlays";
import { Boot } from "./screens/boot";
import { Domain } from "./screens/domain";
import { Fatal } from "./screens/fatal";
import { Speaker } from "./speaker";
import type { Screen, State } from "./state";
import css from "./style.css?inline";
import { Icon, type Ui, UiContext } from "./ui";

const screens: Partial<Record<Screen, ComponentType>> = { boot: Boot, "enter-domain": Domain, error: Fatal };

/** Brings the other screens. Without them a screen shows the skeleton; a network that came back is asked again. */
async function fetchScreens(root: ShadowRoot, arrived: () => void, gone: () => boolean) {
  for (let wait = 1_000; !gone(); wait = Math.min(wait * 2, 10_000)) {
    try {
      const [work, short, css] = await Promise.all([
        import("./screens/work"),
        import("./screens/short"),
        import("./screens/work.css?inline"),
      ]);
      Object.assign(screens, work, short);
      root.adoptedStyleSheets = [sheet, styles(css.default)];
      return arrived();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

export interface Mounted {
  /** A new token is there. */
  renew(): void;
  /** The connection on the screen, to continue there when the dialog is opened again. */
  readonly resume: string;
  /** Asks first where something is running. */
  close(): void;
  unmount(): void;
}

export interface MountOptions extends Host {
  readonly root: ShadowRoot;
  readonly modal: boolean;
  readonly locale: string;
}

/** Constructed, because a page's policy may refuse every other style. */
function styles(text: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}

const sheet = styles(css);

/** Starts the app in the shadow root of the custom element. */
export async function mount(options: MountOptions): Promise<Mounted> {
  const { root, modal } = options;
  const words = await language(options.locale);
  root.adoptedStyleSheets = [sheet];
  const place = document.createElement("div");
  place.className = "np";
  place.lang = words.locale;
  place.dir = rtl(words.locale) ? "rtl" : "ltr";
  root.replaceChildren(place);
  readableAccent(place);
  // A click in here is nobody else's: the opener around us would open again.
  for (const type of ["click", "keydown", "keyup", "keypress", "submit"]) place.addEventListener(type, (event) => event.stopPropagation());

  const speaker = new Speaker();
  const draw = () => {
    speaker.state(controller.state);
    render(<App controller={controller} language={words} modal={modal} speaker={speaker} />, place);
  };
  const controller = new Controller(options, words.locale, draw);
  draw();
  controller.start();
  void fetchScreens(root, draw, () => !controller.running);
  return {
    renew() {
      const { screen, overlay } = controller.state;
      if (screen === "error") controller.send({ type: "again" });
      else if (overlay === "session-expired") controller.send({ type: "renew" });
    },
    get resume() {
      return controller.state.connection?.id ?? "";
    },
    close: () => controller.send({ type: "close" }),
    unmount() {
      controller.stop();
      speaker.stop();
      place.querySelector("dialog")?.close();
      render(null, place);
      root.replaceChildren();
    },
  };
}

interface AppProps {
  readonly controller: Controller;
  readonly language: Language;
  readonly modal: boolean;
  readonly speaker: Speaker;
}

function App({ controller, language, modal, speaker }: AppProps) {
  const { state, send } = controller;
  const t = (key: Parameters<typeof translate>[1]) => translate(language, key);
  const dialog = useRef<HTMLDialogElement>(null);
  const body = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const box = dialog.current;
    if (!box) return;
    box.showModal();
    return () => box.close();
  }, []);
  const CurrentScreen = screens[state.screen] ?? Boot;
  useFocus(state, CurrentScreen, modal, body);

  const ui: Ui = { state, send, language, say: speaker.say };
  const content = (
    <>
      <div class="head" part="header">
        <p>
          {t("dialog.title")} {state.session?.application.environment === "TEST" && <b class="status">{t("dialog.test")}</b>}
        </p>
        {modal && (
          <button type="button" class="close" aria-label={t("dialog.close")} onClick={() => send({ type: "close" })}>
            <Icon name="cross" />
          </button>
        )}
      </div>
      <LinkBar />
      <div class="body" part="body" ref={body} inert={state.overlay !== null}>
        <CurrentScreen />
      </div>
      <Overlays />
      <p class="offscreen" role="status" ref={speaker.attach} />
    </>
  );
  return (
    <UiContext.Provider value={ui}>
      {modal ? (
        <dialog
          ref={dialog}
          class="panel modal"
          part="dialog panel"
          aria-labelledby="title"
          onCancel={(event) => {
            event.preventDefault();
            send({ type: "close" });
          }}
          onClose={() => send({ type: "leave" })}
        >
          {content}
        </dialog>
      ) : (
        <div class="panel inline" part="panel" role="group" aria-labelledby="title">
          {content}
        </div>
      )}
    </UiContext.Provider>
  );
}

/** The heading takes the focus at each change of screen; inline only where the person was in here already. */
function useFocus(state: State, shown: ComponentType, modal: boolean, body: { current: HTMLDivElement | null }) {
  const within = useRef(modal);
  useEffect(() => {
    const box = body.current;
    if (!box) return;
    const note = () => {
      within.current = true;
    };
    box.addEventListener("focusin", note);
    return () => box.removeEventListener("focusin", note);
  }, []);
  useLayoutEffect(() => {
    const box = body.current;
    if (!box || !within.current || state.overlay) return;
    const first = state.screen === "enter-domain" ? box.querySelector<HTMLElement>("#hostname") : box.querySelector<HTMLElement>("#title");
    first?.focus({ preventScroll: true });
    box.scrollTop = 0;
  }, [shown, state.overlay]);
}
