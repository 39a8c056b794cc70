import { Patience } from "../details/about";
import type { Explain } from "../documents";
import { deadEnd, trouble } from "../place";
import { Plaque } from "../plaque";
import { Button, ExplainText, Host, RefusalText, Title, useUi } from "../ui";

/** S19: something needs a person. Says what we saw and what to do; never the end of the road. */
export function Problem() {
  const { state, send, t, language } = useUi();
  const when = (at: string) => new Intl.DateTimeFormat(language.locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
  const c = state.connection;
  const check = state.analysis?.result;
  const name = c?.unicodeName ?? check?.unicodeName ?? state.analysis?.hostname ?? "";
  const explains = explanations();
  const failed = c?.state === "FAILED";
  const until = c?.state === "DEGRADED" ? c.graceUntil : c?.state === "CONTESTED" ? c.transferAt : null;
  const over = c?.state === "BLOCKED" || c?.state === "ARCHIVED";
  const [first, ...others] = explains;

  function explanations(): readonly Explain[] {
    if (!c) return (check?.findings.filter(deadEnd) ?? []).map((finding) => finding.explain);
    const blocking = trouble(c);
    const findings = blocking.length > 0 ? blocking : c.findings.filter((finding) => finding.severity !== "INFO");
    if (findings.length > 0) return findings.map((finding) => finding.explain);
    const explain = state.explained[c.stateReason ?? ""];
    return explain ? [explain] : [];
  }

  return (
    <div class="screen problem">
      <Plaque name={name} phase="trouble" />
      <Title>{first?.title ?? t("problem.title")}</Title>
      {first ? (
        <>
          <ExplainText explain={first} level={0} />
          <Patience explain={first} />
        </>
      ) : (
        c && <p class="lead">{c.progress.headline}</p>
      )}
      {others.map((explain) => (
        <div class="note" key={explain.title}>
          <ExplainText explain={explain} />
        </div>
      ))}
      {until && Date.parse(until) > Date.now() && (
        <p class="note">
          <Host k="problem.serving" name={name} values={{ time: when(until) }} />
        </p>
      )}
      {state.refusal && <RefusalText refusal={state.refusal} />}
      <div class="actions">
        {!over && (
          <Button look="primary" busy={state.busy} onClick={() => send({ type: "again" })}>
            {t(failed ? "problem.retry" : "problem.again")}
          </Button>
        )}
        {c && c.records.length > 0 && c.state === "ACTION_REQUIRED" && (
          <Button onClick={() => send({ type: "show", view: "manual" })}>{t("problem.records")}</Button>
        )}
        {!state.session?.hostname && (
          <Button look="quiet" onClick={() => send({ type: "another" })}>
            {t("problem.another")}
          </Button>
        )}
      </div>
    </div>
  );
}
