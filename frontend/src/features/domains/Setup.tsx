import { useTranslation } from "react-i18next";
import type { Setup_connection$key } from "#/relay/__generated__/Setup_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { useCountdown } from "#/ui/Countdown.tsx";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Conflicts } from "./Conflicts.tsx";
import { DiffView } from "./DiffView.tsx";
import css from "./domain.module.css";
import { Findings } from "./Findings.tsx";
import { Records } from "./Records.tsx";
import { ServerMatrix } from "./ServerMatrix.tsx";
import { StepMark } from "./StepMark.tsx";

/** What has to be in DNS, what is there, and how far it is on each name server. */
export function Setup({ connection }: { connection: Setup_connection$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Setup_connection on Connection {
        progress(locale: $locale) {
          steps {
            key
            state
            text
            startedAt
            finishedAt
          }
        }
        eta {
          until
          perResolver {
            resolver
            region
            seconds
            reason
          }
        }
        provider {
          name
          consoleUrl
        }
        ...Conflicts_connection
        ...Findings_connection
        ...Records_connection
        ...ServerMatrix_connection
        ...DiffView_connection
      }
    `,
    connection,
  );
  const eta = useCountdown(data.eta?.until);
  return (
    <div className={css.columns}>
      <div className={css.stack}>
        <Conflicts connection={data} />
        <Findings connection={data} />
        <Records connection={data} />
        <ServerMatrix connection={data} />
        <DiffView connection={data} />
      </div>
      <aside className={css.rail} aria-label={t("domain.progress")}>
        <Card title={t("domain.progress")}>
          <ol className={css.steps} aria-live="polite">
            {data.progress.steps.map((step) => (
              <li key={step.key} data-state={step.state}>
                <StepMark state={step.state} />
                <div>
                  <strong>{t(`facet.${step.key.toLowerCase()}`)}</strong>
                  <div className={css.stepText}>{step.text}</div>
                  {step.finishedAt && (
                    <div className={css.stepTime}>
                      <RelativeTime at={step.finishedAt} />
                    </div>
                  )}
                </div>
              </li>
            ))}
          </ol>
          {eta && (
            <div className={css.eta}>
              <span>{t("domain.eta")}</span>
              <strong className="tabular">{eta}</strong>
            </div>
          )}
        </Card>
      </aside>
    </div>
  );
}
