import { useTranslation } from "react-i18next";
import type { DiffView_connection$data, DiffView_connection$key } from "#/relay/__generated__/DiffView_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { Card } from "#/ui/Page.tsx";
import css from "./domain.module.css";

type Line = DiffView_connection$data["dnsDiff"]["add"][number];

/** What changes in the zone, and what stays as it is. */
export function DiffView({ connection }: { connection: DiffView_connection$key }) {
  const { t } = useTranslation();
  const { dnsDiff: diff } = useFragment(
    graphql`
      fragment DiffView_connection on Connection {
        dnsDiff {
          mailUntouched
          add { ...DiffView_line @relay(mask: false) }
          change { ...DiffView_line @relay(mask: false) }
          remove { ...DiffView_line @relay(mask: false) }
          keep { ...DiffView_line @relay(mask: false) }
        }
      }
    `,
    connection,
  );
  const changes = diff.add.length + diff.change.length + diff.remove.length;
  if (changes === 0 && diff.keep.length === 0) return null;
  return (
    <Card
      title={t("diff.title")}
      text={changes === 0 ? t("diff.none") : t("diff.text", { count: changes })}
      actions={diff.mailUntouched && <span className={css.mail}>{t("diff.mail")}</span>}
      flush
    >
      <div className={css.diff}>
        {diff.remove.map((line) => (
          <Lines key={`-${line.fqdn}${line.type}`} kind="remove" line={line} values={line.before} />
        ))}
        {diff.change.map((line) => (
          <div key={`~${line.fqdn}${line.type}`}>
            <Lines kind="remove" line={line} values={line.before.filter((value) => !line.after.includes(value))} />
            <Lines kind="add" line={line} values={line.after.filter((value) => !line.before.includes(value))} />
          </div>
        ))}
        {diff.add.map((line) => (
          <Lines key={`+${line.fqdn}${line.type}`} kind="add" line={line} values={line.after} />
        ))}
        {diff.keep.map((line) => (
          <Lines key={`=${line.fqdn}${line.type}`} kind="keep" line={line} values={line.after.length > 0 ? line.after : line.before} />
        ))}
      </div>
    </Card>
  );
}

/** Masked nowhere: the four lists have lines of one shape. */
export const line = graphql`
  fragment DiffView_line on DiffLine {
    name
    fqdn
    type
    before
    after
    reason
  }
`;

const sign = { add: "+", remove: "−", keep: " " };

function Lines({ kind, line, values }: { kind: keyof typeof sign; line: Line; values: readonly string[] }) {
  const { t } = useTranslation();
  return values.map((value) => (
    <div key={value} className={css.diffLine} data-kind={kind} title={line.reason}>
      <span aria-hidden>{sign[kind]}</span>
      <span className="sr">{t(`diff.kind.${kind}`)}</span>
      <span>{line.fqdn.replace(/\.$/, "")}</span>
      <span>{line.type}</span>
      <span>{value}</span>
    </div>
  ));
}
