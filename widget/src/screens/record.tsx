import { Patience, Severity } from "../details/about";
import { Difference } from "../details/difference";
import { Servers } from "../details/servers";
import type { Conflict, Connection, DnsRecord } from "../documents";
import { type Key, translate, type Values } from "../i18n";
import { done, tone } from "../records";
import { Button, breakable, CopyButton, ExplainText, Icon, useUi } from "../ui";

/** One record, laid out like the form at the provider: field by field, each with its own copy button. */
export function RecordCard({ record }: { record: DnsRecord }) {
  const { t, state } = useUi();
  const remove = record.requirement === "REMOVE";
  const { display } = record;
  const extra = record.requirement === "OPTIONAL" || record.requirement === "RECOMMENDED";
  return (
    <li class={`card record ${tone(record)} ${remove ? "removal" : ""}`} aria-label={`${record.type} ${record.fqdn}`}>
      <div class="card-head">
        <span class="kind">
          <b>{t(remove ? "record.remove" : "record.add", { type: record.type })}</b>{" "}
          {extra && <small>{t(`record.${record.requirement.toLowerCase()}` as Key)}</small>}
        </span>
        <StatusChip record={record} />
      </div>
      <dl>
        {display.fields.map(({ part, label, value }) => {
          const word = label ?? t(`record.${part.toLowerCase()}` as Key);
          const copied = part === "TYPE" || part === "TTL" ? undefined : `${record.type} ${word}`;
          return (
            (part !== "TTL" || !remove) && <Field key={part} label={word} value={value} copy={value && copied} strong={part === "VALUE"} />
          );
        })}
      </dl>
      <Difference record={record} />
      {display.hint && <p class="hint">{display.hint}</p>}
      {record.finding && !done(record) && !silent(record.finding.code, state.connection) && (
        <div class={`note ${record.finding.severity === "BLOCKING" ? "bad" : ""}`}>
          <Severity severity={record.finding.severity} />
          <ExplainText explain={record.finding.explain} />
          <Patience explain={record.finding.explain} />
        </div>
      )}
      <div class="card-foot">
        <CopyButton text={display.copyAll} what={`${record.type} ${record.fqdn}`} label={t("record.line")} />
        <CopyButton text={record.fqdn} what={t("record.full")} label={t("record.full.copy")} />
      </div>
      {record.observed.length > 0 && <Servers record={record} />}
    </li>
  );
}

/** Said by the chip already, or by the card of a conflict. */
function silent(code: string, connection: Connection | null) {
  return code === "record_absent" || code === "record_partial" || connection?.conflicts.some((conflict) => conflict.kind === code);
}

function Field({ label, value, copy, strong }: { label: string; value: string; copy?: string; strong?: boolean }) {
  return (
    <div class={strong ? "row strong" : "row"}>
      <dt>{label}</dt>
      <dd>
        <code dir="ltr">{breakable(value)}</code>
        {copy && <CopyButton text={value} what={copy} />}
      </dd>
    </div>
  );
}

export function StatusChip({ record }: { record: DnsRecord }) {
  const { t } = useUi();
  const how = tone(record);
  const gone = record.requirement === "REMOVE" && done(record);
  const values: Values = { have: record.servers?.have ?? 0, of: record.servers?.of ?? 0 };
  return (
    <span class={`status ${how}`}>
      <Icon name={how === "good" ? "check" : how === "bad" ? "alert" : "dot"} />
      {t(gone ? "status.GONE" : (`status.${record.status}` as Key), values)}
    </span>
  );
}

/** Something that stands where ours has to stand: what, why it matters, and what to do with it. */
export function ConflictCard({ conflict }: { conflict: Conflict }) {
  const { state, send, t, language } = useUi();
  const word = (choice: string) => translate(language, `conflict.${choice}` as Key);
  return (
    <li class={`card conflict ${conflict.severity === "BLOCKING" ? "bad" : "wait"}`}>
      <ExplainText explain={conflict.explain} />
      <dl>
        <Field label={t("record.name")} value={`${conflict.type} ${conflict.name}`} />
        <div class="row">
          <dt>{t("conflict.now")}</dt>
          <dd>
            {conflict.existing.map((value) => (
              <code key={value} dir="ltr" class="gone">
                {breakable(value)}
              </code>
            ))}
          </dd>
        </div>
        {conflict.desired && <Field label={t("conflict.wanted")} value={conflict.desired} />}
      </dl>
      {conflict.resolution ? (
        <p class="muted">{t("conflict.chosen", { choice: word(conflict.resolution) })}</p>
      ) : (
        conflict.choices.length > 1 && (
          <div class="choices side" role="group" aria-label={conflict.explain.title}>
            {conflict.choices.map((resolution) => (
              <Button key={resolution} busy={state.busy} onClick={() => send({ type: "resolved", id: conflict.id, resolution })}>
                {word(resolution)}
              </Button>
            ))}
          </div>
        )
      )}
    </li>
  );
}
