import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Timeline_connection$key } from "#/relay/__generated__/Timeline_connection.graphql.ts";
import type { TimelineMoreQuery } from "#/relay/__generated__/TimelineMoreQuery.graphql.ts";
import type { TimelineTailSubscription } from "#/relay/__generated__/TimelineTailSubscription.graphql.ts";
import { graphql, usePaginationFragment, useStream } from "#/relay/index.ts";
import { More } from "#/ui/More.tsx";
import { Card, LiveDot } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { byDay } from "./days.ts";
import css from "./domain.module.css";

const toneOf = (type: string) => {
  if (/\.(live|recovered|dns_verified|issued|renewed|ownership_verified)$/.test(type)) return "good";
  if (/\.(failed|blocked|certificate_failed|expired|revoked|lost)$/.test(type)) return "bad";
  if (/\.(degraded|action_required|suspended|contested|renewal_at_risk)$/.test(type)) return "warn";
  return "none";
};

/**
 * Everything that happened, newest first and day by day, and every new line as it happens. Only new lines are spoken: what
 * "Show earlier" brings is older, and the focus goes to the first of it, so that reading goes on where it stopped.
 */
export function Timeline({ connection }: { connection: Timeline_connection$key }) {
  const { t, i18n } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<TimelineMoreQuery, Timeline_connection$key>(
    graphql`
      fragment Timeline_connection on Connection
      @refetchable(queryName: "TimelineMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        id
        timeline(first: $first, after: $after) @connection(key: "Timeline_timeline") {
          __id
          edges {
            node {
              id
              sequence
              at
              type
              actor
              text(locale: $locale)
            }
          }
        }
      }
    `,
    connection,
  );
  const rows = data.timeline.edges.map((edge) => edge.node).toSorted((a, b) => b.sequence - a.sequence);
  const feed = useStream<TimelineTailSubscription>({
    subscription: graphql`
      subscription TimelineTailSubscription($id: ID!, $after: Int64, $locale: String, $connections: [ID!]!) {
        connectionEvents(id: $id, after: $after) @prependNode(connections: $connections, edgeTypeName: "ConnectionEventEdge") {
          id
          cursor
          sequence
          at
          type
          actor
          text(locale: $locale)
        }
      }
    `,
    variables: { id: data.id, locale: i18n.language, connections: [data.timeline.__id], after: rows[0]?.sequence ?? 0 },
    point: (message) => message.connectionEvents.sequence,
  });
  const days = byDay(rows, i18n.language, { today: t("timeline.today"), yesterday: t("timeline.yesterday") });
  const list = useRef<HTMLDivElement>(null);
  const lastShown = useRef<string | null>(null);
  const oldest = rows.at(-1)?.id;
  useEffect(() => {
    if (lastShown.current && lastShown.current !== oldest) {
      const all = [...(list.current?.querySelectorAll<HTMLElement>("li") ?? [])];
      all[all.findIndex((one) => one.dataset.id === lastShown.current) + 1]?.focus();
      lastShown.current = null;
    }
  }, [oldest]);
  const first = useRef(rows[0]?.id);
  const newest = rows[0]?.id === first.current ? null : rows[0];
  return (
    <Card title={t("timeline.title")} actions={<LiveDot state={feed} label={t(`live.${feed}`)} />}>
      <span className="sr" role="status">
        {newest?.text}
      </span>
      <div ref={list} className={css.days}>
        {days.map((day) => (
          <section key={day.key} aria-label={day.label}>
            <h3>{day.label}</h3>
            <ol className={css.timeline}>
              {day.rows.map((row) => (
                <li key={row.id} data-id={row.id} data-tone={toneOf(row.type)} tabIndex={-1}>
                  <span className={css.stepTime}>
                    <RelativeTime at={row.at} />
                  </span>
                  <div>
                    <span>{row.text}</span>
                    <span className={css.event}>
                      {row.type} · {row.actor}
                    </span>
                  </div>
                </li>
              ))}
            </ol>
          </section>
        ))}
      </div>
      {rows.length === 0 && <p className="dim">{t("timeline.empty")}</p>}
      {hasNext && (
        <More
          loading={isLoadingNext}
          label={t("timeline.earlier")}
          onMore={() => {
            lastShown.current = oldest ?? null;
            loadNext(50);
          }}
        />
      )}
    </Card>
  );
}
