import { EtaText } from "../details/eta";
import type { Connection } from "../documents";
import type { Key } from "../i18n";
import { Plaque } from "../plaque";
import { Button, Icon, type IconName, Title, useUi } from "../ui";
import { Beside } from "./beside";
import { StatusChip } from "./record";

/** S17: the four things that have to be true, and how far each is. */
export function Progress() {
  const { state, send, t } = useUi();
  const c = state.connection!;
  const steps = c.progress.steps;
  const waitsForDns = c.facets.dns.value !== "correct";
  return (
    <div class="screen progress">
      <Plaque name={c.unicodeName} phase="securing" done={steps.filter((step) => step.state === "DONE").length} of={steps.length} />
      <Title>{t(waitsForDns ? "progress.title.dns" : "progress.title")}</Title>
      <p class="lead">{c.progress.headline}</p>
      <Rail connection={c} />
      {waitsForDns && (
        <ul class="brief">
          {c.records
            .filter((record) => record.requirement !== "OPTIONAL" && (record.requirement !== "ONE_OF" || record.status !== "PENDING"))
            .map((record) => (
              <li key={record.id}>
                <span>
                  {record.type}{" "}
                  <bdi dir="ltr" class="muted">
                    {record.display.name}
                  </bdi>
                </span>
                <StatusChip record={record} />
              </li>
            ))}
        </ul>
      )}
      <EtaText eta={c.eta} />
      <Beside />
      {state.quiet && <p class="note">{t("progress.quiet")}</p>}
      <p class="muted">{t("progress.lead")}</p>
      <div class="actions">
        {waitsForDns && <Button onClick={() => send({ type: "show", view: "manual" })}>{t("progress.records")}</Button>}
      </div>
    </div>
  );
}

const icons: Record<string, IconName> = { DONE: "check", WARNING: "alert", FAILED: "alert", RUNNING: "busy", WAITING: "dot" };

function Rail({ connection }: { connection: Connection }) {
  const { t } = useUi();
  const servers = connection.facets.dns.servers;
  return (
    <ol class="rail">
      {connection.progress.steps.map((step) => (
        <li key={step.key} class={step.state}>
          <Icon name={icons[step.state] ?? "dot"} />
          <div>
            <b>{t(`progress.${step.key}` as Key)}</b> <span class="offscreen">{t(`step.${step.state}`)}</span>
            {step.key === "DNS" && servers && servers.of > 0 && <small class="count">{t("progress.servers", { ...servers })}</small>}
            {step.text && <p>{step.text}</p>}
          </div>
        </li>
      ))}
    </ol>
  );
}
