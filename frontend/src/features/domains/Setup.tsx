import { useTranslation } from "react-i18next";
import type { Setup_connection$key } from "#/relay/__generated__/Setup_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime, useNow } from "#/ui/RelativeTime.tsx";
import { AnalyseAgain } from "./AnalyseAgain.tsx";
import { Companion } from "./Companion.tsx";
import { Conflicts } from "./Conflicts.tsx";
import { DiffView } from "./DiffView.tsx";
import css from "./domain.module.css";
import { waits } from "./eta.ts";
import { Findings } from "./Findings.tsx";
import { Method } from "./Method.tsx";
import { Records } from "./Records.tsx";
import { Resolvers, sentence } from "./Resolvers.tsx";
import { ServerMatrix } from "./ServerMatrix.tsx";
import { StepMark } from "./StepMark.tsx";
import { Transfer } from "./Transfer.tsx";

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
          seconds
          perResolver {
            resolver
            region
            seconds
            reason
          }
        }
        ...AnalyseAgain_connection
        ...Companion_connection
        ...Conflicts_connection
        ...Findings_connection
        ...Transfer_connection
        ...Records_connection
        ...ServerMatrix_connection
        ...Resolvers_connection
        ...DiffView_connection
        ...Method_connection
      }
    `,
    connection,
  );
  const now = useNow(Boolean(data.eta));
  const eta = data.eta && waits(data.eta, now);
  const slowest = eta?.each.find(({ when }) => when !== "done" && when !== "unknown");
  return (
    <div className={css.columns}>
      <div className="stack">
        <Transfer connection={data} />
        <Conflicts connection={data} />
        <Findings connection={data} />
        <DiffView connection={data} />
        <Records connection={data} />
        <Companion connection={data} />
        <ServerMatrix connection={data} />
        <Resolvers connection={data} />
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
            <p className={css.eta} data-eta>
              <strong>{sentence(t, eta.all)}</strong>
              {slowest && <span>{sentence(t, slowest)}</span>}
            </p>
          )}
        </Card>
        <Method connection={data} />
        <AnalyseAgain connection={data} />
      </aside>
    </div>
  );
}
