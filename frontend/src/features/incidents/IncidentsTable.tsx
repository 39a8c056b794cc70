import { IconCircleCheck } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import list from "#/features/domains/domains.module.css";
import type { IncidentsTable_query$key } from "#/relay/__generated__/IncidentsTable_query.graphql.ts";
import type { IncidentsTable_row$key } from "#/relay/__generated__/IncidentsTable_row.graphql.ts";
import type { IncidentsTableFeedSubscription } from "#/relay/__generated__/IncidentsTableFeedSubscription.graphql.ts";
import type { IncidentsTableMoreQuery } from "#/relay/__generated__/IncidentsTableMoreQuery.graphql.ts";
import { graphql, useFeed, useFragment, usePaginationFragment } from "#/relay/index.ts";
import { above, DataTable, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { HostName } from "#/ui/HostName.tsx";
import { More } from "#/ui/More.tsx";
import { LiveDot } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Acknowledged } from "./Acknowledge.tsx";
import { Clock } from "./Clock.tsx";
import css from "./incidents.module.css";
import { Kind } from "./Kind.tsx";

type Props = { organization: { id: string; slug: string }; past: boolean; query: IncidentsTable_query$key; children: ReactNode };

/** Incidents, live: rows change in place, new ones are read at once. */
export function IncidentsTable({ organization, past, query, children }: Props) {
  const { t, i18n } = useTranslation();
  const { data, hasNext, isLoadingNext, loadNext, refetch } = usePaginationFragment<IncidentsTableMoreQuery, IncidentsTable_query$key>(
    graphql`
      fragment IncidentsTable_query on Query
      @refetchable(queryName: "IncidentsTableMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 30 }, after: { type: "String" }) {
        incidents(organizationId: $organizationId, open: $open, first: $first, after: $after)
          @connection(key: "IncidentsTable_incidents", filters: ["organizationId", "open"]) {
          totalCount
          edges {
            node {
              id
              resolvedAt
              ...IncidentsTable_row
            }
          }
        }
      }
    `,
    query,
  );
  const nodes = data.incidents.edges.map((edge) => edge.node);
  const reread = () => void refetch({}, { fetchPolicy: "network-only" });
  const feed = useFeed<IncidentsTableFeedSubscription>({
    subscription: graphql`
      subscription IncidentsTableFeedSubscription($organizationId: ID!, $locale: String) {
        incidentsChanged(organizationId: $organizationId) {
          id
          resolvedAt
          ...IncidentsTable_row
        }
      }
    `,
    variables: { organizationId: organization.id, locale: i18n.language },
    reread,
    onNext: ({ incidentsChanged: { id, resolvedAt } }) => {
      const shown = nodes.some((node) => node.id === id);
      if (shown ? Boolean(resolvedAt) !== past : Boolean(resolvedAt) === past) reread();
    },
  });
  return (
    <>
      <div className={list.bar}>
        {children}
        <LiveDot state={feed} label={t(`live.${feed}`)} />
      </div>
      {nodes.length === 0 ? (
        <Empty
          icon={<IconCircleCheck size={22} />}
          title={t(past ? "incidents.empty.past" : "incidents.empty.title")}
          code="incident.opened · incident.acknowledged · incident.resolved"
        >
          {t("incidents.empty.text")}
        </Empty>
      ) : (
        <>
          <DataTable
            caption={t("nav.incidents")}
            columns={[
              { key: "host", label: t("domains.column.host") },
              { key: "kind", label: t("incidents.column.what") },
              { key: "opened", label: t("incidents.column.opened") },
              { key: "clock", label: t(past ? "incidents.column.over" : "incidents.column.clock") },
              { key: "who", label: t("incidents.column.who"), end: true },
            ]}
          >
            {nodes.map((node) => (
              <Row key={node.id} org={organization.slug} incident={node} />
            ))}
          </DataTable>
          <p className="dim tabular">{t("list.count", { shown: nodes.length, total: data.incidents.totalCount })}</p>
          {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(30)} />}
        </>
      )}
    </>
  );
}

function Row({ org, incident }: { org: string; incident: IncidentsTable_row$key }) {
  const { t } = useTranslation();
  const row = useFragment(
    graphql`
      fragment IncidentsTable_row on Incident {
        id
        kind
        severity
        flapping
        openedAt
        resolvedAt
        graceUntil
        explain(locale: $locale) {
          title
        }
        connection {
          id
          hostname
          unicodeName
          registrableDomain
        }
        ...Acknowledge_incident
      }
    `,
    incident,
  );
  return (
    <tr>
      <td data-wide>
        <Link to="/$org/domains/$id" params={{ org, id: row.connection.id }} {...rowLink}>
          <HostName
            name={row.connection.hostname}
            unicode={row.connection.unicodeName}
            registrable={row.connection.registrableDomain}
            withALabel
          />
        </Link>
      </td>
      <td data-label={t("incidents.column.what")}>
        <div>
          <Kind kind={row.kind} severity={row.severity} over={Boolean(row.resolvedAt)} flapping={row.flapping} />
          <span className={css.under}>{row.explain.title}</span>
        </div>
      </td>
      <td data-label={t("incidents.column.opened")} className="dim">
        <RelativeTime at={row.openedAt} />
      </td>
      <td data-label={t(row.resolvedAt ? "incidents.column.over" : "incidents.column.clock")}>
        {row.resolvedAt ? <RelativeTime at={row.resolvedAt} /> : <Clock until={row.graceUntil} />}
      </td>
      <td data-label={t("incidents.column.who")} data-end className={above}>
        <Acknowledged incident={row} />
      </td>
    </tr>
  );
}
