import { Plaque } from "../plaque";
import { Button, Host, Icon, RefusalText, Title, useUi } from "../ui";

/** S3: nothing to do, or nothing we may do. */
export function Already() {
  const { state, send, t } = useUi();
  const name = state.connection?.unicodeName ?? state.analysis?.result?.unicodeName ?? state.typed;
  const explain = state.explained.held_elsewhere;
  return (
    <div class="screen">
      <Plaque name={name} phase={state.held ? "trouble" : "live"} />
      <Title>
        <Host k={state.held ? "already.held" : "already.title"} name={name} />
      </Title>
      {!state.held && <p class="lead">{t("already.lead")}</p>}
      {state.held && (explain ? <p>{explain.body}</p> : state.refusal && <RefusalText refusal={state.refusal} />)}
      <div class="actions">
        {!state.held && (
          <a class="button primary" href={`https://${state.connection?.hostname}/`} target="_blank" rel="noopener noreferrer">
            <span>
              <Host k="success.visit" name={name} />
            </span>
            <Icon name="out" />
          </a>
        )}
        {!state.session?.hostname && (
          <Button look={state.held ? "primary" : "plain"} onClick={() => send({ type: "another" })}>
            {t("already.another")}
          </Button>
        )}
      </div>
    </div>
  );
}
