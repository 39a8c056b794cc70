import { IconAlertOctagon, IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { FindingSeverity, Findings_connection$key } from "#/relay/__generated__/Findings_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import css from "./domain.module.css";

type Explain = {
  readonly title: string;
  readonly body: string;
  readonly steps: readonly string[];
  readonly who: string;
  readonly docs: string | null | undefined;
};

const icons = { BLOCKING: IconAlertOctagon, WARNING: IconAlertTriangle, INFO: IconInfoCircle };
const tone = { BLOCKING: "bad", WARNING: "warn", INFO: "none" };

/** The sentence, the fix, and who must act; the same text as in the widget and in mails. */
export function Explanation({ severity, explain }: { severity: FindingSeverity; explain: Explain }) {
  const { t } = useTranslation();
  const Icon = icons[severity];
  return (
    <div className={css.finding} data-tone={tone[severity]}>
      <Icon size={18} aria-hidden />
      <div>
        <strong>
          <span className="sr">{t(`severity.${severity}`)}: </span>
          {explain.title}
        </strong>
        <p>{explain.body}</p>
        {explain.steps.length > 0 && (
          <ol>
            {explain.steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        )}
        <div className={css.findingFoot}>
          {t(`who.${explain.who}`)}
          {explain.docs && (
            <a href={explain.docs} target="_blank" rel="noreferrer">
              {t("findings.docs")}
            </a>
          )}
        </div>
      </div>
    </div>
  );
}

export function Findings({ connection }: { connection: Findings_connection$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Findings_connection on Connection {
        findings {
          code
          severity
          explain(locale: $locale) {
            title
            body
            steps
            who
            docs
          }
        }
      }
    `,
    connection,
  );
  const order = { BLOCKING: 0, WARNING: 1, INFO: 2 };
  const sorted = data.findings.toSorted((a, b) => order[a.severity] - order[b.severity]);
  if (sorted.length === 0) return null;
  return (
    <section className={css.findings} aria-label={t("findings.title")}>
      {sorted.map((finding, i) => (
        <Explanation key={`${finding.code}${i}`} severity={finding.severity} explain={finding.explain} />
      ))}
    </section>
  );
}
