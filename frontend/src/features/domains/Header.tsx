import { Button } from "@mantine/core";
import { IconExternalLink, IconRefresh } from "@tabler/icons-react";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { Header_connection$key } from "#/relay/__generated__/Header_connection.graphql.ts";
import type { HeaderAddedMutation } from "#/relay/__generated__/HeaderAddedMutation.graphql.ts";
import type { HeaderCheckMutation } from "#/relay/__generated__/HeaderCheckMutation.graphql.ts";
import type { HeaderRetryMutation } from "#/relay/__generated__/HeaderRetryMutation.graphql.ts";
import { type FeedState, graphql, useAction, useFragment } from "#/relay/index.ts";
import { CopyButton } from "#/ui/CopyButton.tsx";
import { useCountdown } from "#/ui/Countdown.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { HostName } from "#/ui/HostName.tsx";
import { LiveDot, PageHeader } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import { StateBadge, useStale } from "./Badges.tsx";
import css from "./domain.module.css";

/** Name, state, and the one action that follows from the state. */
export function Header({ connection, feed, crumbs }: { connection: Header_connection$key; feed: FeedState; crumbs: ReactNode }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Header_connection on Connection {
        id
        hostname
        unicodeName
        registrableDomain
        isWildcard
        state
        stateSince
        progress(locale: $locale) {
          headline
        }
        provider {
          name
        }
        application {
          name
        }
        nextCheckAt
        graceUntil
        transferAt
        checkedAt
        freshUntil
      }
    `,
    connection,
  );
  const grace = useCountdown(data.graceUntil);
  const transfer = useCountdown(data.transferAt);
  const next = useCountdown(data.nextCheckAt);
  useEffect(() => {
    document.title = `${data.hostname} · ${t("nav.domains")} · Nameplate`;
  }, [data.hostname, t]);
  const stale = useStale(data);
  const over = data.state === "ARCHIVED";
  return (
    <>
      <PageHeader
        tab={`${data.hostname} · ${t("nav.domains")}`}
        crumbs={crumbs}
        title={
          <span className={css.title}>
            <HostName name={data.hostname} unicode={data.unicodeName} registrable={data.registrableDomain} withALabel />
            <CopyButton text={data.hostname} what={t("domains.column.host")} />
          </span>
        }
        actions={!over && <Actions id={data.id} state={data.state} hostname={data.hostname} wildcard={data.isWildcard} />}
      />
      <div className={css.meta}>
        <StateBadge state={data.state} size="lg" stale={stale} />
        <span className={css.headline}>{data.progress.headline}</span>
        {data.state === "DEGRADED" && data.graceUntil && (
          <span className={css.grace}>{grace ? t("domain.grace", { time: grace }) : t("domain.graceOver")}</span>
        )}
        {transfer && (
          <span className={css.grace}>{t(data.state === "CONTESTED" ? "domain.leaves" : "domain.arrives", { time: transfer })}</span>
        )}
        <span className={css.metaEnd}>
          {[data.application?.name, data.provider?.name].filter(Boolean).join(" · ")}
          <span>
            {t("domain.since")} <RelativeTime at={data.stateSince} />
          </span>
          {stale && data.checkedAt && (
            <span>
              {t("domain.lastChecked")} <RelativeTime at={data.checkedAt} />
            </span>
          )}
          {next && <span className="tabular">{t("domain.nextCheck", { time: next })}</span>}
          {!over && <LiveDot state={feed} label={t(`live.${feed}`)} />}
        </span>
      </div>
    </>
  );
}

function Actions({ id, state, hostname, wildcard }: { id: string; state: string; hostname: string; wildcard: boolean }) {
  const { t } = useTranslation();
  const mayCheck = useCan("connection.check");
  const added = useAction<HeaderAddedMutation>(graphql`
    mutation HeaderAddedMutation($id: ID!) {
      markRecordsAdded(id: $id) {
        connection {
          id
          version
          state
          stateSince
        }
      }
    }
  `);
  const check = useAction<HeaderCheckMutation>(graphql`
    mutation HeaderCheckMutation($id: ID!) {
      checkConnection(id: $id) {
        connection {
          id
          version
          state
          nextCheckAt
        }
      }
    }
  `);
  const retry = useAction<HeaderRetryMutation>(graphql`
    mutation HeaderRetryMutation($id: ID!) {
      retryConnection(id: $id) {
        connection {
          id
          version
          state
          stateSince
        }
      }
    }
  `);
  const failed = added.failed ?? check.failed ?? retry.failed;
  const stuck = state === "FAILED" || state === "SUSPENDED";
  return (
    <div className={css.actions}>
      {mayCheck && !stuck && (
        <Button
          variant="default"
          leftSection={<IconRefresh size={16} />}
          loading={check.pending}
          disabled={check.wait > 0}
          onClick={async () => (await check.run({ id })) && toast(t("domain.checking"))}
        >
          {check.wait > 0 ? t("wait", { seconds: check.wait }) : t("domain.check")}
        </Button>
      )}
      {mayCheck && state === "ACTION_REQUIRED" && (
        <Button loading={added.pending} onClick={async () => (await added.run({ id })) && toast(t("domain.addedThanks"))}>
          {t("domain.added")}
        </Button>
      )}
      {mayCheck && stuck && (
        <Button loading={retry.pending} onClick={() => retry.run({ id })}>
          {t("domain.retry")}
        </Button>
      )}
      {state === "LIVE" && !wildcard && (
        <Button component="a" href={`https://${hostname}`} target="_blank" rel="noreferrer" rightSection={<IconExternalLink size={15} />}>
          {t("domain.visit")}
        </Button>
      )}
      {check.wait > 0 ? (
        <p className={css.actionFailed} role="status">
          {t("domain.limited")}
        </p>
      ) : (
        failed && (
          <div className={css.actionFailed}>
            <ErrorCard problem={failed} />
          </div>
        )
      )}
    </div>
  );
}
