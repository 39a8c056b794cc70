import type { DnsRecord } from "../documents";
import { type Alternative, arrange } from "../records";
import { useUi } from "../ui";
import { RecordCard } from "./record";

type Props = {
  records: readonly DnsRecord[];
  picked: (name: string, alternatives: readonly Alternative[]) => string;
  choose: (name: string, id: string) => void;
};

/** What to add: of each group the alternative that was picked, then what stands alone. */
export function Lines({ records, picked, choose }: Props) {
  const { alone, groups } = arrange(records);
  return (
    <>
      {groups.map(({ name, alternatives }) => (
        <OneOf key={name} name={name} alternatives={alternatives} chosen={picked(name, alternatives)} choose={(id) => choose(name, id)} />
      ))}
      <ul class="cards">
        {alone
          .filter((record) => record.requirement !== "REMOVE")
          .map((record) => (
            <RecordCard key={record.id} record={record} />
          ))}
      </ul>
    </>
  );
}

/** Tabs over the alternatives of a group; arrow keys move, as in any tab list. */
function OneOf(props: { name: string; alternatives: readonly Alternative[]; chosen: string; choose: (id: string) => void }) {
  const { t } = useUi();
  const { name, alternatives, chosen, choose } = props;
  const move = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    const at = alternatives.findIndex(({ id }) => id === chosen);
    const next = (at + by + alternatives.length) % alternatives.length;
    choose(alternatives[next]!.id);
    (event.currentTarget.children[next] as HTMLElement).focus();
  };
  const shown = alternatives.find(({ id }) => id === chosen)!;
  return (
    <div class="one-of">
      <h3 id={`group-${name}`}>{t("manual.one-of")}</h3>
      <div class="tabs" role="tablist" aria-labelledby={`group-${name}`} onKeyDown={move}>
        {alternatives.map(({ id, label }) => (
          <button
            key={id}
            id={`tab-${name}-${id}`}
            type="button"
            role="tab"
            aria-selected={id === chosen}
            aria-controls={`panel-${name}`}
            tabIndex={id === chosen ? 0 : -1}
            onClick={() => choose(id)}
          >
            {label}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`panel-${name}`} aria-labelledby={`tab-${name}-${chosen}`}>
        <ul class="cards">
          {shown.records.map((record) => (
            <RecordCard key={record.id} record={record} />
          ))}
        </ul>
      </div>
    </div>
  );
}
