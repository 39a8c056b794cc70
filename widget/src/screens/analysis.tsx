import { Steps } from "../details/steps";
import { asks } from "../place";
import { Plaque } from "../plaque";
import { Button, ExplainText, Host, Title, useUi } from "../ui";

/** S4: what we find out, row by row as it is answered. */
export function Analysis() {
  const { state, send, t } = useUi();
  const { analysis, connection } = state;
  const name = connection?.unicodeName ?? analysis?.result?.unicodeName ?? analysis?.hostname ?? "";
  const result = analysis?.result;
  const question = result && !connection && !state.busy && asks(result) ? result : null;
  return (
    <div class="screen analysis">
      <Plaque name={name} phase={question ? "trouble" : "looking"} />
      <Title>{question ? t("analysis.typo") : <Host k="analysis.title" name={name} />}</Title>
      {!question && <p class="lead">{t("analysis.lead")}</p>}
      <Steps steps={analysis?.steps ?? []} working={!question} />
      {!question && (result || connection) && (
        <p class="muted" role="status">
          {t("analysis.last")}
        </p>
      )}
      {question?.findings
        .filter((finding) => finding.severity !== "INFO")
        .map((finding) => (
          <ExplainText key={finding.code} explain={finding.explain} level={0} />
        ))}
      {question && (
        <div class="choices">
          {question.suggestions
            .filter((suggestion) => suggestion.kind === "TYPO")
            .map(({ hostname, text }) => (
              <button key={hostname} type="button" class="choice" onClick={() => send({ type: "submitted", hostname })}>
                <bdi dir="ltr">{hostname}</bdi>
                <small>{text}</small>
              </button>
            ))}
        </div>
      )}
      <div class="actions">
        {question && (
          <Button look="primary" onClick={() => send({ type: "accepted" })}>
            <span>
              <Host k="analysis.accept" name={question.unicodeName} />
            </span>
          </Button>
        )}
        {!state.session?.hostname && !connection && (
          <Button look="quiet" onClick={() => send({ type: "another" })}>
            {t("analysis.cancel")}
          </Button>
        )}
      </div>
    </div>
  );
}
