import { IconAlertOctagon, IconAlertTriangle, IconClock, IconInfoCircle, IconUser } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { FindingSeverity, Findings_connection$key } from "#/relay/__generated__/Findings_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import css from "./domain.module.css";
import { ProofButton } from "./Evidence.tsx";

type Explain = {
  readonly title: string;
  readonly body: string;
  readonly steps: readonly string[];
  readonly who: string;
  readonly takes: string;
  readonly docs: string | null | undefined;
};

const icons = { BLOCKING: IconAlertOctagon, WARNING: IconAlertTriangle, INFO: IconInfoCircle };
const tone = { BLOCKING: "bad", WARNING: "warn", INFO: "none" };

type Props = { severity: FindingSeverity; explain: Explain; evidence?: readonly string[] };

/** How bad it is, what was seen and why it matters, what to do, who has to, how long it takes; and the proof one click away. */
export function Explanation({ severity, explain, evidence = [] }: Props) {
  const { t } = useTranslation();
  const Icon = icons[severity];
  return (
    <div className={css.finding} data-tone={tone[severity]}>
      <Icon size={18} aria-hidden />
      <div>
        <span className={css.severity}>{t(`severity.${severity}`)}</span>
        <strong>{explain.title}</strong>
        <p>{explain.body}</p>
        {explain.steps.length > 0 && (
          <ol>
            {explain.steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        )}
        <div className={css.findingFoot}>
          <span>
            <IconUser size={14} aria-hidden />
            {t(`who.${explain.who}`)}
          </span>
          <span>
            <IconClock size={14} aria-hidden />
            {t(`takes.${explain.takes}`)}
          </span>
          <ProofButton ids={evidence} title={explain.title} />
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
          evidence
          explain(locale: $locale) {
            title
            body
            steps
            who
            takes
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
        <Explanation key={`${finding.code}${i}`} severity={finding.severity} explain={finding.explain} evidence={finding.evidence} />
      ))}
    </section>
  );
}
