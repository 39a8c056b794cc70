import { useTranslation } from "react-i18next";
import type { DiffView_connection$data, DiffView_connection$key } from "#/relay/__generated__/DiffView_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { CopyButton } from "#/ui/CopyButton.tsx";
import { Card } from "#/ui/Page.tsx";
import css from "./diff.module.css";
import { Fix } from "./Fix.tsx";
import { Spelling } from "./Spelling.tsx";
import { spelling } from "./spelling.ts";

type Line = DiffView_connection$data["dnsDiff"]["add"][number];
type Shown = DiffView_connection$data["records"][number];
type Kind = "add" | "change" | "remove" | "keep";

/** What is there and what should be there, line by line, with the way from one to the other in the words of the provider's form. */
export function DiffView({ connection }: { connection: DiffView_connection$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment DiffView_connection on Connection {
        provider {
          name
        }
        records {
          id
          fqdn
          type
          value
          display {
            value
            fields {
              part
              label
              value
            }
          }
        }
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
  const { add, change, remove, keep, mailUntouched } = data.dnsDiff;
  const changes = add.length + change.length + remove.length;
  if (changes === 0 && keep.length === 0) return null;
  const rows: [Kind, Line][] = [
    ...remove.map((line): [Kind, Line] => ["remove", line]),
    ...change.map((line): [Kind, Line] => ["change", line]),
    ...add.map((line): [Kind, Line] => ["add", line]),
    ...keep.map((line): [Kind, Line] => ["keep", line]),
  ];
  const recordOf = (line: Line) =>
    data.records.find((one) => one.fqdn === line.fqdn && one.type === line.type && line.after.includes(one.value)) ??
    data.records.find((one) => one.fqdn === line.fqdn && one.type === line.type);
  return (
    <Card
      title={t("diff.title")}
      text={changes === 0 ? t("diff.none") : t("diff.text", { count: changes })}
      actions={mailUntouched && <span className={css.mail}>{t("diff.mail")}</span>}
      flush
    >
      <ul className={css.diff}>
        {rows.map(([kind, line]) => (
          <Row
            key={`${kind}${line.fqdn}${line.type}${line.after.join()}`}
            kind={kind}
            line={line}
            record={recordOf(line)}
            provider={data.provider?.name}
          />
        ))}
      </ul>
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

type RowProps = { kind: Kind; line: Line; record: Shown | undefined; provider: string | undefined };

function Row({ kind, line, record, provider }: RowProps) {
  const { t } = useTranslation();
  const fqdn = line.fqdn.replace(/\.$/, "");
  // A value against the one that takes its place; where several stand there, each against the first that is wanted.
  const typed = (value: string) => (record?.value === value ? record.display.value : value); // as this provider wants it: a dot at the end may be all
  const wanted = line.after[0] === undefined ? undefined : typed(line.after[0]);
  const pairs = line.before.map((value) => (kind === "change" && wanted !== undefined ? spelling(value, wanted) : null));
  const after = pairs.length === 1 ? pairs[0]?.after : undefined;
  return (
    <li className={css.line} data-kind={kind} aria-label={`${t(`diff.kind.${kind}`)}: ${line.type} ${fqdn}`}>
      <div className={css.lineHead}>
        <span className={css.kind}>{t(`diff.kind.${kind}`)}</span>
        <span className={css.type}>{line.type}</span>
        <span className="mono" dir="ltr">
          {fqdn}
        </span>
      </div>
      {kind === "keep" ? (
        <code className={css.value} dir="ltr" translate="no">
          {line.after.join(", ")}
        </code>
      ) : (
        <>
          <div className={css.sides}>
            <div className={css.side} data-side="before" data-copy-source>
              <span className={css.sideName}>{t("diff.before")}</span>
              {line.before.length === 0 && <span className="dim">{t("diff.nothing")}</span>}
              {line.before.map((value, i) => (
                <Spelling key={value} kind="before" pieces={pairs[i]?.before ?? [{ text: value, same: kind !== "remove" }]} />
              ))}
            </div>
            <div className={css.side} data-side="after" data-copy-source>
              <span className={css.sideName}>{t("diff.after")}</span>
              {line.after.length === 0 && <span className="dim">{t("diff.gone")}</span>}
              {line.after.map((value) => (
                <span key={value} className={css.copied}>
                  <Spelling kind="after" pieces={after ?? [{ text: typed(value), same: true }]} />
                  <CopyButton text={typed(value)} what={t("records.part.value")} />
                </span>
              ))}
            </div>
          </div>
          <Fix kind={kind} line={line} fields={record?.display.fields ?? []} provider={provider} />
        </>
      )}
    </li>
  );
}
