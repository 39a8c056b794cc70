import { useState } from "preact/hooks";
import { csv } from "../../../frontend/src/features/domains/download";
import { Patience, Severity } from "../details/about";
import { EtaText } from "../details/eta";
import { isolated, tell } from "../details/words";
import { asides } from "../place";
import { Plaque } from "../plaque";
import { type Alternative, arrange, done, likely } from "../records";
import { Button, CopyButton, Disclosure, ExplainText, Host, Icon, RefusalText, Title, useUi } from "../ui";
import { Beside } from "./beside";
import { Lines } from "./lines";
import { ConflictCard, RecordCard } from "./record";

/** S13: what to add, field by field, and what we see of it. */
export function Manual() {
  const { state, send, t, language } = useUi();
  const c = state.connection!;
  const { alone, groups } = arrange(c.records);
  const [chosen, choose] = useState<Record<string, string>>({});
  const picked = (name: string, alternatives: readonly Alternative[]) => chosen[name] ?? likely(alternatives);

  const toAdd = [
    ...alone.filter((record) => record.requirement === "REQUIRED"),
    ...groups.flatMap(({ name, alternatives }) => alternatives.find(({ id }) => id === picked(name, alternatives))?.records ?? []),
  ];
  const removals = alone.filter((record) => record.requirement === "REMOVE" && !done(record));
  const provider = c.provider?.name ?? t("manual.provider");
  const all = [...alone.filter((record) => record.requirement !== "REMOVE"), ...toAdd.filter((record) => !alone.includes(record))];
  const after = c.state === "LIVE" || c.state === "SECURING" || c.state === "APPLYING" || state.added;

  return (
    <div class="screen manual">
      <Plaque name={c.unicodeName} phase="waiting" done={toAdd.filter(done).length} of={toAdd.length} />
      <Title>{t("manual.title", { n: toAdd.length, provider })}</Title>
      <p class="lead">
        <Host k="manual.lead" name={c.unicodeName} values={{ provider }} />
      </p>
      {c.provider?.consoleUrl && (
        <p>
          <a class="button plain" href={c.provider.consoleUrl} target="_blank" rel="noopener noreferrer">
            {t("manual.open", { provider })}
            <Icon name="out" />
          </a>
        </p>
      )}
      {c.provider && c.provider.guide.length > 0 && (
        <Disclosure label={t("manual.steps")}>
          <ol class="guide">
            {c.provider.guide.map((step) => (
              <li key={step.text}>
                {step.url ? (
                  <a href={step.url} target="_blank" rel="noopener noreferrer">
                    {step.text}
                  </a>
                ) : (
                  step.text
                )}
              </li>
            ))}
          </ol>
        </Disclosure>
      )}
      {c.setupType === "DELEGATION" && <p class="hint">{tell(language, "way.delegated", isolated(c.unicodeName))}</p>}
      {c.provider?.dialect.notes.map((note) => (
        <p class="hint" key={note}>
          {note}
        </p>
      ))}

      {asides(c).map((finding) => (
        <div key={finding.code} class="note">
          <Severity severity={finding.severity} />
          <ExplainText explain={finding.explain} />
          <Patience explain={finding.explain} />
        </div>
      ))}
      {c.conflicts.length + removals.length > 0 && (
        <ul class="cards">
          {c.conflicts.map((conflict) => (
            <ConflictCard key={conflict.id} conflict={conflict} />
          ))}
          {removals.map((record) => (
            <RecordCard key={record.id} record={record} />
          ))}
        </ul>
      )}
      <Lines records={c.records} picked={picked} choose={(name, id) => choose({ ...chosen, [name]: id })} />
      {all.length > 1 && (
        <div class="tools">
          <CopyButton
            text={all.map((record) => record.display.copyAll).join("\n\n")}
            what={t("dialog.title")}
            label={t("manual.copy-all")}
          />
          <Button
            look="quiet"
            onClick={() => download(`${c.hostname}.zone.txt`, all.map((record) => `${record.display.bindLine}\n`).join(""))}
          >
            {t("manual.download")}
          </Button>
          <Button look="quiet" onClick={() => download(`${c.hostname}.csv`, csv(all))}>
            {tell(language, "csv")}
          </Button>
        </div>
      )}
      <Beside />
      <OtherWay />
      <EtaText eta={c.eta} />
      {state.refusal && <RefusalText refusal={state.refusal} />}
      <div class="actions sticky">
        <p class="pulse">
          <i aria-hidden="true" />
          {t(state.added ? "manual.ours" : "manual.watching")}
        </p>
        {after ? (
          <Button look="primary" onClick={() => send({ type: "show", view: "progress" })}>
            {t("manual.back")}
          </Button>
        ) : (
          <Button look="primary" busy={state.busy} onClick={() => send({ type: "added" })}>
            {t("manual.added", { n: toAdd.length })}
          </Button>
        )}
      </div>
    </div>
  );
}

/** Handing the name over as a whole instead of single records, and back, for as long as nothing is proven. */
function OtherWay() {
  const { state, send, language } = useUi();
  const { facets, hostname, isApex, setupType, unicodeName } = state.connection!;
  const { scopes = [], setupMethods = [] } = state.session ?? {};
  const open = facets.ownership.value === "none" || facets.ownership.value === "pending";
  if (!open || isApex || hostname.startsWith("*.") || !scopes.includes("START") || !setupMethods.includes("DELEGATION")) return null;
  const back = setupType === "DELEGATION";
  return (
    <Button look="quiet" busy={state.busy} onClick={() => send({ type: "way", way: back ? "MANUAL" : "DELEGATION" })}>
      {tell(language, back ? "way.single" : "way.delegate", isolated(unicodeName))}
    </Button>
  );
}

/** Hands a text to the browser as a file. */
function download(name: string, text: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
