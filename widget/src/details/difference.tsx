import { type Piece, spelling } from "../../../frontend/src/features/domains/spelling";
import type { DnsRecord } from "../documents";
import { done } from "../records";
import { CopyButton, useUi } from "../ui";

/** What is there and what is needed, the difference marked letter by letter. Nothing where nothing wrong stands. */
export function Difference({ record }: { record: DnsRecord }) {
  const { t } = useUi();
  const wrong = [...new Set(record.observed.filter((seen) => seen.outcome === "WRONG").flatMap((seen) => seen.values))];
  if (wrong.length === 0 || done(record) || record.requirement === "REMOVE") return null;
  const label = record.display.fields.find((field) => field.part === "VALUE")?.label ?? t("record.value");
  const all = wrong.map((value) => spelling(value, record.display.value));
  return (
    <dl class="difference">
      <div class="row">
        <dt>{t("conflict.now")}</dt>
        <dd>
          {all.map((pieces, at) => (
            <Spelled key={wrong[at]} pieces={pieces.before} mark="del" />
          ))}
        </dd>
      </div>
      <div class="row strong">
        <dt>{t("conflict.wanted")}</dt>
        <dd>
          <Spelled pieces={all.length === 1 ? all[0]!.after : [{ text: record.display.value, same: true }]} mark="ins" />
          <CopyButton text={record.display.value} what={`${record.type} ${label}`} />
        </dd>
      </div>
    </dl>
  );
}

function Spelled({ pieces, mark: Mark }: { pieces: readonly Piece[]; mark: "del" | "ins" }) {
  return <code dir="ltr">{pieces.map((piece, at) => (piece.same ? piece.text : <Mark key={at}>{piece.text}</Mark>))}</code>;
}
