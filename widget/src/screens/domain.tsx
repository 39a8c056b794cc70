import { useLayoutEffect, useRef } from "preact/hooks";
import { ideas, preview } from "../hostname";
import { type Key, translate } from "../i18n";
import { en } from "../locales/en";
import { Button, Disclosure, Host, RefusalText, Title, useUi } from "../ui";

/** S2: the first screen, for somebody who has never heard of DNS. */
export function Domain() {
  const { state, send, t, app } = useUi();
  const session = state.session!;
  const input = useRef<HTMLInputElement>(null);
  const { refusal } = state;
  const seen = preview(state.typed);
  const chips = seen && !refusal ? ideas(seen.ascii, session.application) : [];
  const rows = session.connections.filter((row) => row.state !== "ARCHIVED");

  // A refused name: back to the field, which names the reason as its description. Before the screen is painted, as everywhere that the focus moves.
  useLayoutEffect(() => {
    if (refusal) input.current?.focus();
  }, [refusal]);

  return (
    <form
      class="screen domain"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        send({ type: "submitted" });
      }}
    >
      <Title>{t("domain.title")}</Title>
      <p class="lead">{t("domain.lead", { app })}</p>

      <div class={`field ${refusal ? "wrong" : ""}`}>
        <label for="hostname">{t("domain.label")}</label>
        <div class="plaque typing">
          {!state.typed.includes("://") && <span aria-hidden="true">https://</span>}
          <input
            ref={input}
            id="hostname"
            name="hostname"
            dir="ltr"
            value={state.typed}
            onInput={(event) => send({ type: "typed", text: event.currentTarget.value })}
            inputMode="url"
            enterkeyhint="go"
            autoComplete="off"
            autoCapitalize="none"
            autoCorrect="off"
            spellcheck={false}
            maxLength={2048}
            aria-describedby="hint"
            aria-invalid={refusal ? "true" : undefined}
          />
        </div>
        <div id="hint" class="hint">
          {refusal ? (
            <RefusalText refusal={refusal} id="reason" />
          ) : seen ? (
            <p>
              <Host k="domain.preview" name={seen.unicode} />
              {seen.ascii !== seen.unicode && (
                <small>
                  <br />
                  <Host k="domain.encoded" name={seen.ascii} field="ascii" />
                </small>
              )}
            </p>
          ) : (
            <p>{t("domain.hint")}</p>
          )}
        </div>
        {chips.length > 0 && (
          <div class="chips" role="group" aria-label={t("domain.ideas")}>
            <span aria-hidden="true">{t("domain.ideas")}</span>
            {chips.map((chip) => (
              <button key={chip} type="button" class="chip" dir="ltr" onClick={() => send({ type: "typed", text: chip })}>
                {chip}
              </button>
            ))}
          </div>
        )}
      </div>

      <div class="actions">
        <Button look="primary" type="submit" busy={state.busy}>
          {t("domain.continue")}
        </Button>
      </div>

      {rows.length > 0 ? (
        <div class="yours" role="group" aria-labelledby="yours">
          <h3 id="yours">{t("domain.yours")}</h3>
          <ul>
            {rows.map((row) => (
              <li key={row.id}>
                <button type="button" onClick={() => send({ type: "picked", row })}>
                  <bdi dir="ltr">{row.unicodeName}</bdi>
                  <StateWord state={row.state} />
                </button>
              </li>
            ))}
          </ul>
        </div>
      ) : (
        <div class="how">
          <h3>{t("domain.how")}</h3>
          <ol>
            <li>{t("domain.how.1")}</li>
            <li>{t("domain.how.2")}</li>
            <li>{t("domain.how.3")}</li>
          </ol>
          <Disclosure label={t("domain.what")}>
            <p>{t("domain.what.text")}</p>
            <p>{t("domain.safe")}</p>
          </Disclosure>
        </div>
      )}
    </form>
  );
}

function StateWord({ state }: { state: string }) {
  const { language } = useUi();
  const key = `state.${state}` as Key;
  const tone = state === "LIVE" ? "good" : state === "FAILED" || state === "DEGRADED" ? "bad" : "wait";
  return <span class={`chip-state ${tone}`}>{translate(language, key in en ? key : "state.OTHER")}</span>;
}
