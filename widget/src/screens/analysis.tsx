import { asks } from "../place";
import { Plaque } from "../plaque";
import { Button, ExplainText, Host, Icon, type IconName, Title, useUi } from "../ui";

const icons: Record<string, IconName> = { DONE: "check", WARNING: "alert", FAILED: "alert", RUNNING: "busy", WAITING: "dot" };

/** S4: what we find out, row by row as it is answered. */
export function Analysis() {
  const { state, send, t } = useUi();
  const { analysis, connection } = state;
  const name = connection?.unicodeName ?? analysis?.result?.unicodeName ?? analysis?.hostname ?? "";
  const result = analysis?.result;
  const question = result && !connection && !state.busy && asks(result) ? result : null;
  const steps = analysis?.steps ?? [];
  return (
    <div class="screen analysis">
      <Plaque name={name} phase={question ? "trouble" : "looking"} />
      <Title>{question ? t("analysis.typo") : <Host k="analysis.title" name={name} />}</Title>
      {!question && <p class="lead">{t("analysis.lead")}</p>}
      <ul class="checklist">
        {steps.map((step) => (
          <li key={step.key} class={step.state}>
            <Icon name={icons[step.state] ?? "dot"} />
            <span>
              {step.text} <span class="offscreen">{t(`step.${step.state}`)}</span>
            </span>
          </li>
        ))}
        {!question && !steps.some((step) => step.state === "RUNNING") && (
          <li class="RUNNING" key="last">
            <Icon name="busy" />
            <span>{t(result || connection ? "analysis.last" : "analysis.first")}</span>
          </li>
        )}
      </ul>
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
