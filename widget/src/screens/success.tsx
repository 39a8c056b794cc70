import { isolated, tell } from "../details/words";
import { Plaque } from "../plaque";
import { Button, Host, Icon, Title, useUi } from "../ui";

/** S18: the sign is lit. */
export function Success() {
  const { state, send, t, app, language } = useUi();
  const c = state.connection!;
  const beside = state.companion?.state === "LIVE" ? null : c.companion;
  return (
    <div class="screen success">
      <Plaque name={c.unicodeName} phase="live" />
      <Title>
        <Host k="success.title" name={c.unicodeName} />
      </Title>
      <p class="lead">{t("success.lead")}</p>
      <div class="actions">
        <a class="button primary" href={`https://${c.hostname}/`} target="_blank" rel="noopener noreferrer">
          <span>
            <Host k="success.visit" name={c.unicodeName} />
          </span>
          <Icon name="out" />
        </a>
        {beside && (
          <Button onClick={() => send({ type: "show", view: "manual" })}>
            {tell(language, "beside.take", isolated(beside.unicodeName))}
          </Button>
        )}
        <Button onClick={() => send({ type: "close" })}>{t("success.done")}</Button>
      </div>
      <div class="how">
        <h3>{t("success.next")}</h3>
        <ul>
          <li>{t("success.next.1")}</li>
          <li>{t("success.next.2", { app })}</li>
        </ul>
      </div>
    </div>
  );
}
