import { useLayoutEffect, useRef } from "preact/hooks";
import { Button, Host, Icon, useUi } from "./ui";

/** S21 and S22 lie over the screen and leave it as it is. */
export function Overlays() {
  const { state, send, t } = useUi();
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    box.current?.focus();
  }, [state.overlay]);
  if (!state.overlay) return null;
  const leaving = state.overlay === "exit-confirm";
  const name = state.connection?.unicodeName ?? state.analysis?.hostname ?? "";
  return (
    <div class="veil">
      <div ref={box} class="box" role="alertdialog" aria-modal="true" aria-labelledby="over" aria-describedby="over-text" tabIndex={-1}>
        <h2 id="over">{t(leaving ? "exit.title" : "expired.title")}</h2>
        <p id="over-text">{leaving ? <Host k="exit.lead" name={name} /> : t("expired.lead")}</p>
        {leaving ? (
          <div class="actions">
            <Button look="primary" onClick={() => send({ type: "stay" })}>
              {t("exit.stay")}
            </Button>
            <Button onClick={() => send({ type: "leave" })}>{t("exit.leave")}</Button>
          </div>
        ) : (
          <div class="actions">
            <Button look="primary" busy={state.busy} onClick={() => send({ type: "renew" })}>
              {t("expired.resume")}
            </Button>
            <Button look="quiet" onClick={() => send({ type: "leave" })}>
              {t("exit.leave")}
            </Button>
            <p class="muted">{t("expired.reload")}</p>
          </div>
        )}
      </div>
    </div>
  );
}

/** The line is down: said once, without hiding what stands there. */
export function LinkBar() {
  const { state, t } = useUi();
  if (state.link === "up") return null;
  return (
    <p class={`link ${state.link}`} role="status">
      <Icon name={state.link === "offline" ? "alert" : "busy"} />
      {t(`link.${state.link}`)}
    </p>
  );
}
