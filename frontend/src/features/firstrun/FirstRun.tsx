import { Button } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { Link, type LinkProps } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useLazyLoadQuery } from "react-relay/hooks";
import type { FirstRunQuery } from "#/relay/__generated__/FirstRunQuery.graphql.ts";
import { graphql } from "#/relay/index.ts";
import css from "./firstrun.module.css";

const LOOK_MS = 4_000;
const hiddenKey = (organization: string) => `np-first-run:${organization}`;

type Props = { organization: { id: string; slug: string } };

/**
 * What there is to do until the first domain is live. Each mark follows what really happened, wherever it was done: it is read again while the page is
 * looked at. Who has seen enough hides it; who is done never sees it.
 */
export default function FirstRun({ organization }: Props) {
  const { t } = useTranslation();
  const [round, setRound] = useState(0);
  const [hidden, setHidden] = useState(() => localStorage.getItem(hiddenKey(organization.id)) === "yes");
  const data = useLazyLoadQuery<FirstRunQuery>(
    graphql`
      # together: one look at what was done, whoever did it and wherever
      query FirstRunQuery($organizationId: ID!) {
        organization(id: $organizationId) {
          id
          ownership
          widgetTokenAt
        }
        applications(organizationId: $organizationId, first: 50) {
          nodes {
            id
            allowedOrigins
          }
        }
        apiKeys(organizationId: $organizationId, first: 1) {
          totalCount
        }
        started: connections(organizationId: $organizationId, first: 1) {
          totalCount
        }
        live: connections(organizationId: $organizationId, filter: { state: [LIVE] }, first: 1) {
          totalCount
        }
      }
    `,
    { organizationId: organization.id },
    { fetchKey: round, fetchPolicy: round === 0 ? "store-or-network" : "store-and-network" },
  );
  const org = organization.slug;
  const app = data.applications.nodes.find((one) => one.allowedOrigins.length > 0) ?? data.applications.nodes[0];
  const steps: { key: string; done: boolean; to: LinkProps }[] = [
    {
      key: "organization",
      done: data.organization?.ownership === "SHARED",
      to: { to: "/account/organizations", search: { create: true } },
    },
    {
      key: "application",
      done: data.applications.nodes.some((one) => one.allowedOrigins.length > 0),
      to: app
        ? { to: "/$org/apps/$app", params: { org, app: app.id }, search: { tab: "widget" } }
        : { to: "/$org/apps", params: { org }, search: { create: true } },
    },
    { key: "key", done: (data.apiKeys.totalCount ?? 0) > 0, to: { to: "/$org/keys", params: { org }, search: { create: true } } },
    {
      key: "widget",
      done: data.organization?.widgetTokenAt != null,
      to: app ? { to: "/$org/apps/$app", params: { org, app: app.id }, search: { tab: "widget" } } : { to: "/$org/apps", params: { org } },
    },
    { key: "domain", done: (data.started.totalCount ?? 0) > 0, to: { to: "/$org/domains", params: { org }, search: { connect: true } } },
    { key: "live", done: (data.live.totalCount ?? 0) > 0, to: { to: "/$org/domains", params: { org } } },
  ];
  const done = steps.filter((step) => step.done).length;
  const over = hidden || done === steps.length;
  useEffect(() => {
    if (over) return;
    const look = () => {
      if (!document.hidden) setRound((n) => n + 1);
    };
    const timer = setInterval(look, LOOK_MS);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [over]);
  if (over) return null;
  const next = steps.find((step) => !step.done);
  return (
    <section className={css.run} aria-labelledby="first-run">
      <div className={css.head}>
        <div>
          <h2 id="first-run">{t("firstRun.title")}</h2>
          <p role="status">{t("firstRun.done", { done, all: steps.length })}</p>
        </div>
        <Button
          variant="subtle"
          size="xs"
          onClick={() => {
            localStorage.setItem(hiddenKey(organization.id), "yes");
            setHidden(true);
          }}
        >
          {t("firstRun.hide")}
        </Button>
      </div>
      <ol className={css.steps}>
        {steps.map((step, n) => (
          <li key={step.key} data-done={step.done || undefined} aria-current={step === next ? "step" : undefined}>
            <span className={css.mark} aria-hidden>
              {step.done ? <IconCheck size={14} stroke={3} /> : n + 1}
            </span>
            <div>
              {step.done ? (
                <span>
                  {t(`firstRun.${step.key}.title`)}
                  <span className="sr"> {t("firstRun.isDone")}</span>
                </span>
              ) : (
                <Link {...step.to}>{t(`firstRun.${step.key}.title`)}</Link>
              )}
              {step === next && <p>{t(`firstRun.${step.key}.text`)}</p>}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
