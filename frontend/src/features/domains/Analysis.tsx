import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Analysis_result$data, Analysis_result$key } from "#/relay/__generated__/Analysis_result.graphql.ts";
import type { AnalysisCheckQuery } from "#/relay/__generated__/AnalysisCheckQuery.graphql.ts";
import type { AnalysisProgressSubscription, ProgressState } from "#/relay/__generated__/AnalysisProgressSubscription.graphql.ts";
import { failedOf, graphql, type RequestFailed, read, useFeed, useFragment } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { HostName } from "#/ui/HostName.tsx";
import { Status } from "#/ui/Status.tsx";
import { StateBadge } from "./Badges.tsx";
import css from "./domains.module.css";
import { StepMark } from "./StepMark.tsx";

/** Worth asking about: at least two labels. */
export const looksComplete = (hostname: string) => /[^\s.]+\.[^\s.]{2,}/.test(hostname);

const WITHOUT_ANSWER_MS = 3_000;

export type Offer = NonNullable<Analysis_result$data["companion"]>;

type Step = { key: string; state: ProgressState; text: string };
type Props = {
  hostname: string;
  applicationId: string;
  /** Within a box of somebody else's, and about a connection that is open already. */
  bare?: boolean;
  onChoose?: (hostname: string) => void;
  onOpen: (connectionId: string) => void;
  /** What else the application could take along, once it is known. */
  onCompanion?: (offer: Offer | null) => void;
  /** The result or a failure is there. */
  onDone?: () => void;
};

/** The rows of an analysis in their order. They are all shown from the start, so that nobody wonders how many come. */
export const rows = ["delegation", "provider", "records", "certificate", "method"];

/** How far it is: only rows that are over count, whatever came of them. */
export const over = (steps: readonly Step[]) =>
  steps.filter(({ key, state }) => rows.includes(key) && state !== "RUNNING" && state !== "WAITING").length;

/** What we learn about a name, row by row as it is answered; by one question where sockets are impossible. */
export function Analysis({ hostname, applicationId, bare, onChoose, onCompanion, onOpen, onDone }: Props) {
  const { i18n } = useTranslation();
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [result, setResult] = useState<Analysis_result$key | null>(null);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const variables = { hostname, applicationId, locale: i18n.language };

  useFeed<AnalysisProgressSubscription>({
    subscription: graphql`
      subscription AnalysisProgressSubscription($hostname: String!, $applicationId: ID!, $locale: String) {
        checkProgress(hostname: $hostname, applicationId: $applicationId, locale: $locale) {
          key
          state
          text
          result {
            ...Analysis_result
          }
        }
      }
    `,
    variables,
    enabled: !result && !failed,
    onNext: ({ checkProgress: step }) => {
      if (step.result) setResult(step.result);
      else setSteps((all) => [...all.filter((one) => one.key !== step.key), step]);
    },
  });

  const silent = steps.length === 0 && !result;
  useEffect(() => {
    if (!silent) return;
    const timer = setTimeout(() => {
      read<AnalysisCheckQuery>(
        graphql`
          query AnalysisCheckQuery($hostname: String!, $applicationId: ID!, $locale: String) {
            domainCheck(hostname: $hostname, applicationId: $applicationId) {
              ...Analysis_result
            }
          }
        `,
        { hostname, applicationId, locale: i18n.language },
        true,
      ).then(
        (data) => setResult(data.domainCheck),
        (error) => setFailed(failedOf(error)),
      );
    }, WITHOUT_ANSWER_MS);
    return () => clearTimeout(timer);
  }, [silent, hostname, applicationId, i18n.language]);

  const ended = Boolean(result || failed);
  const done = useRef(onDone);
  done.current = onDone;
  useEffect(() => {
    if (ended) done.current?.();
  }, [ended]);

  return (
    <div className={bare ? css.bare : css.analysis} aria-busy={!ended}>
      {failed && <ErrorCard problem={failed} />}
      {!failed && (!result || (bare && steps.length > 0)) && <Steps hostname={hostname} steps={steps} running={!ended} />}
      <div aria-live="polite" className={css.bare}>
        {result && <Result check={result} bare={bare} onChoose={onChoose} onCompanion={onCompanion} onOpen={onOpen} />}
      </div>
    </div>
  );
}

function Steps({ hostname, steps, running }: { hostname: string; steps: readonly Step[]; running: boolean }) {
  const { t } = useTranslation();
  const count = over(steps);
  const next = rows.find((key) => !steps.some((step) => step.key === key));
  return (
    <>
      {running && (
        <div className={css.progress}>
          <progress max={rows.length} value={count} aria-label={t("connect.looking", { hostname })} />
          <span className="dim tabular">{t("connect.steps", { done: count, all: rows.length })}</span>
        </div>
      )}
      <ol className={css.stepList}>
        {rows.map((key) => {
          const step = steps.find((one) => one.key === key);
          const state = step?.state ?? (running && key === next && !steps.some((one) => one.state === "RUNNING") ? "RUNNING" : "WAITING");
          return (
            <li key={key} className={css.step} data-waiting={!step || undefined}>
              <StepMark state={state} />
              <span>{step?.text ?? t(`connect.row.${key}`)}</span>
            </li>
          );
        })}
      </ol>
    </>
  );
}

type ResultProps = Pick<Props, "bare" | "onChoose" | "onCompanion" | "onOpen"> & { check: Analysis_result$key };

function Result({ check, bare, onChoose, onCompanion, onOpen }: ResultProps) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Analysis_result on DomainCheck {
        hostname
        unicodeName
        registrableDomain
        isApex
        provider {
          mixed
          provider {
            name
          }
        }
        zone {
          apex
        }
        records {
          type
          display {
            name
            value
          }
        }
        findings {
          code
          severity
          explain(locale: $locale) {
            title
            body
          }
        }
        companion {
          hostname
          mode
          chosen
        }
        suggestions {
          kind
          hostname
          text
        }
        existing {
          resumable
          connection {
            id
            state
          }
        }
        durationMs
        queries
      }
    `,
    check,
  );
  const offer = useRef(onCompanion);
  offer.current = onCompanion;
  useEffect(() => {
    offer.current?.(data.existing ? null : (data.companion ?? null));
    return () => offer.current?.(null);
  }, [data.existing, data.companion]);
  return (
    <>
      {!bare && (
        <div className={css.resultHead}>
          <HostName name={data.hostname} unicode={data.unicodeName} registrable={data.registrableDomain} withALabel />
          {data.existing && <StateBadge state={data.existing.connection.state} />}
        </div>
      )}
      <div className={css.resultFacts}>
        <span>{data.provider.provider ? t("connect.provider", { name: data.provider.provider.name }) : t("connect.providerUnknown")}</span>
        {!bare && <span>{t("connect.records", { count: data.records.length })}</span>}
        <span className="dim">{t("connect.asked", { count: data.queries, ms: data.durationMs })}</span>
      </div>
      {!bare && <Findings findings={data.findings} />}
      {onChoose && data.suggestions.length > 0 && (
        <div className={css.suggestions}>
          {data.suggestions.map((suggestion) => (
            <Button
              key={suggestion.hostname}
              size="compact-sm"
              variant="default"
              title={suggestion.text}
              onClick={() => onChoose(suggestion.hostname)}
            >
              {t("connect.use")} <span className="mono">&nbsp;{suggestion.hostname}</span>
            </Button>
          ))}
        </div>
      )}
      {!bare && data.existing && (
        <div className={css.suggestions}>
          <span className="dim">{t("connect.existing")}</span>
          <Button size="compact-sm" variant="default" onClick={() => data.existing && onOpen(data.existing.connection.id)}>
            {t("connect.open")}
          </Button>
        </div>
      )}
    </>
  );
}

function Findings({ findings }: { findings: Analysis_result$data["findings"] }) {
  const { t } = useTranslation();
  const shown = findings.filter((finding) => finding.severity !== "INFO");
  return shown.map((finding) => (
    <div key={finding.code} className={css.smallFinding}>
      <Status tone={finding.severity === "BLOCKING" ? "bad" : "warn"} plain>
        {t(`severity.${finding.severity}`)}
      </Status>
      <div>
        <strong>{finding.explain.title}</strong>
        <div className="dim">{finding.explain.body}</div>
      </div>
    </div>
  ));
}
