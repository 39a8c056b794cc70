import { Trans, useTranslation } from "react-i18next";
import { CopyButton } from "#/ui/CopyButton.tsx";
import css from "./diff.module.css";

export type Field = { readonly part: string; readonly label: string | null | undefined; readonly value: string };

type Props = {
  kind: "add" | "change" | "remove";
  line: { readonly name: string; readonly type: string; readonly before: readonly string[]; readonly after: readonly string[] };
  fields: readonly Field[];
  provider: string | undefined;
};

/** The word that stands beside a field at the provider's; ours where nobody wrote it down. */
export function useLabel() {
  const { t } = useTranslation();
  return (field: Pick<Field, "part" | "label">) => field.label ?? t(`records.part.${field.part.toLowerCase()}`);
}

/** What to do at the provider's, in the words of its own form. */
export function Fix({ kind, line, fields, provider }: Props) {
  const { t } = useTranslation();
  const label = useLabel();
  const named = (part: string) => fields.find((field) => field.part === part);
  const value = named("VALUE");
  const values = {
    type: line.type,
    name: line.name || t("diff.emptyName"),
    field: label(value ?? { part: "VALUE", label: null }),
    provider: provider ?? t("diff.provider"),
  };
  if (kind !== "add") {
    return (
      <p className={css.fix}>
        <Trans
          i18nKey={kind === "change" ? "diff.fix.change" : "diff.fix.remove"}
          values={values}
          components={{ c: <code dir="ltr" />, b: <b /> }}
        />
      </p>
    );
  }
  return (
    <div className={css.fix}>
      <p>
        <Trans i18nKey="diff.fix.add" values={values} components={{ c: <code dir="ltr" />, b: <b /> }} />
      </p>
      <dl className={css.form} aria-label={t("diff.form")}>
        {fields.map((field) => (
          <div key={field.part}>
            <dt>{label(field)}</dt>
            <dd data-copy-source>
              <code data-copy-text dir="ltr" translate="no">
                {field.value || t("diff.leaveEmpty")}
              </code>
              {(field.part === "NAME" || field.part === "VALUE") && field.value && <CopyButton text={field.value} what={label(field)} />}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
