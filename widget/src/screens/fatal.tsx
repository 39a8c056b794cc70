import { Button, Title, useUi } from "../ui";

/** S20: the end of this attempt. Neutral words and a reference; the cause is told to the developer, not to the person. */
export function Fatal() {
  const { state, send, t, app } = useUi();
  const { code, reference } = state.failure!;
  return (
    <div class="screen fatal">
      <Title>{t("error.title")}</Title>
      <p class="lead">
        {code === "network" || code === "init_timeout" ? t("error.network") : t("error.lead", { app: app || location.hostname })}
      </p>
      <p class="muted">
        {t("error.reference")}:{" "}
        <code dir="ltr">
          {code}
          {reference && ` · ${reference}`}
        </code>
      </p>
      <div class="actions">
        <Button look="primary" onClick={() => send({ type: "again" })}>
          {t("error.again")}
        </Button>
      </div>
    </div>
  );
}
