import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Overview_application$key } from "#/relay/__generated__/Overview_application.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { CopyButton } from "#/ui/CopyButton.tsx";
import { Card, Facts } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { StateBar } from "#/ui/StateBar.tsx";
import type { AppTab } from "./address.ts";
import css from "./applications.module.css";

const groups = {
  live: ["LIVE"],
  progress: ["DRAFT", "ANALYZING", "APPLYING", "VERIFYING", "SECURING"],
  attention: ["ACTION_REQUIRED", "DEGRADED", "SUSPENDED", "FAILED", "BLOCKED", "CONTESTED"],
} as const;
const tones = { live: "good", progress: "busy", attention: "warn" };

/** How its domains are doing, and what is missing before the widget can run. */
export function Overview({
  org,
  application,
  onTab,
}: {
  org: string;
  application: Overview_application$key;
  onTab: (tab: AppTab) => void;
}) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Overview_application on Application {
        id
        slug
        publicKey
        allowedOrigins
        createdAt
        upstream {
          originUrl
        }
        recipe {
          number
          name
          connectionsOnIt
        }
        connectionCounts {
          state
          count
        }
      }
    `,
    application,
  );
  const count = (states: readonly string[]) =>
    data.connectionCounts.reduce((sum, one) => sum + (states.includes(one.state) ? one.count : 0), 0);
  return (
    <div className="stack">
      {data.allowedOrigins.length === 0 && (
        <Notice text={t("apps.originMissing")} action={t("apps.addOrigin")} onClick={() => onTab("widget")} />
      )}
      {!data.upstream && <Notice text={t("apps.upstreamMissing")} action={t("apps.addUpstream")} onClick={() => onTab("settings")} />}
      <div className={css.tiles}>
        {(Object.keys(groups) as (keyof typeof groups)[]).map((group) => (
          <Link
            key={group}
            to="/$org/domains"
            params={{ org }}
            search={{ app: data.id, view: group }}
            className={css.tile}
            data-tone={tones[group]}
          >
            <span>{t(`domains.view.${group}`)}</span>
            <strong className="tabular">{count(groups[group])}</strong>
          </Link>
        ))}
      </div>
      <StateBar counts={data.connectionCounts} />
      <Card title={t("apps.facts")}>
        <Facts
          rows={[
            [
              t("apps.slug"),
              <span key="slug" className="mono">
                {data.slug}
              </span>,
            ],
            [
              t("apps.id"),
              <span key="id" className="mono">
                {data.id} <CopyButton text={data.id} what={t("apps.id")} />
              </span>,
            ],
            [
              t("apps.publicKey"),
              <span key="key" className="mono">
                {data.publicKey} <CopyButton text={data.publicKey} what={t("apps.publicKey")} />
              </span>,
            ],
            [
              t("upstream.title"),
              data.upstream ? (
                <span key="up" className="mono">
                  {data.upstream.originUrl}
                </span>
              ) : (
                "–"
              ),
            ],
            [
              t("apps.recipe"),
              t("apps.recipeOn", { name: data.recipe.name, number: data.recipe.number, count: data.recipe.connectionsOnIt }),
            ],
            [t("apps.created"), <RelativeTime key="at" at={data.createdAt} />],
          ]}
        />
      </Card>
    </div>
  );
}

function Notice({ text, action, onClick }: { text: string; action: string; onClick: () => void }) {
  return (
    <div className={css.notice}>
      <span>{text}</span>
      <Button size="xs" variant="default" onClick={onClick}>
        {action}
      </Button>
    </div>
  );
}
