import { Button } from "@mantine/core";
import { IconWorld } from "@tabler/icons-react";
import { type ReactNode, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { DomainsTable_query$key } from "#/relay/__generated__/DomainsTable_query.graphql.ts";
import type { DomainsTableFeedSubscription } from "#/relay/__generated__/DomainsTableFeedSubscription.graphql.ts";
import type { DomainsTableMoreQuery } from "#/relay/__generated__/DomainsTableMoreQuery.graphql.ts";
import { type FeedState, graphql, useFeed, usePaginationFragment } from "#/relay/index.ts";
import { DataTable, moreClass } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { DomainRow } from "./DomainRow.tsx";
import css from "./domains.module.css";

export type Counts = Readonly<Record<string, number>>;

type Props = {
  org: string;
  organizationId: string;
  applicationId?: string;
  states: readonly string[];
  filtered: boolean;
  query: DomainsTable_query$key;
  onConnect: () => void;
  onClear: () => void;
  onCounts?: (counts: Counts) => void;
  children?: (feed: FeedState) => ReactNode;
};

/** Connections, live: rows change in place, new ones wait behind a button unless the list is at its top. */
export function DomainsTable(props: Props) {
  const { org, organizationId, applicationId, states, filtered } = props;
  const { t, i18n } = useTranslation();
  const [fresh, setFresh] = useState<readonly string[]>([]);
  const { data, hasNext, isLoadingNext, loadNext, refetch } = usePaginationFragment<DomainsTableMoreQuery, DomainsTable_query$key>(
    graphql`
      fragment DomainsTable_query on Query
      @refetchable(queryName: "DomainsTableMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 30 }, after: { type: "String" }) {
        connections(organizationId: $organizationId, filter: $filter, orderBy: $orderBy, first: $first, after: $after)
          @connection(key: "DomainsTable_connections", filters: ["organizationId", "filter", "orderBy"]) {
          totalCount
          edges {
            node {
              id
              version
              ...DomainRow_connection
            }
          }
        }
      }
    `,
    props.query,
  );
  const nodes = data.connections.edges.map((edge) => edge.node);
  const versions = useRef(new Map<string, number>());
  for (const node of nodes) versions.current.set(node.id, node.version);

  const reread = () => {
    setFresh([]);
    refetch({}, { fetchPolicy: "network-only" });
  };
  const feed = useFeed<DomainsTableFeedSubscription>({
    subscription: graphql`
      subscription DomainsTableFeedSubscription($organizationId: ID!, $applicationId: ID, $locale: String) {
        connectionsChanged(organizationId: $organizationId, applicationId: $applicationId) {
          position
          counts {
            state
            count
          }
          connection {
            id
            version
            state
            ...DomainRow_connection
          }
        }
      }
    `,
    variables: { organizationId, applicationId: applicationId ?? null, locale: i18n.language },
    reread,
    position: (message) => message.connectionsChanged.position,
    accept: (message) => {
      const change = message.connectionsChanged.connection;
      return !change || change.version > (versions.current.get(change.id) ?? 0);
    },
    onNext: ({ connectionsChanged: { counts, connection } }) => {
      props.onCounts?.(Object.fromEntries(counts.map(({ state, count }) => [state, count])));
      if (!connection || nodes.some((node) => node.id === connection.id)) return;
      if (filtered || !states.includes(connection.state)) return;
      if (window.scrollY < 80) reread();
      else setFresh((ids) => (ids.includes(connection.id) ? ids : [...ids, connection.id]));
    },
  });

  return (
    <>
      {props.children?.(feed)}
      {fresh.length > 0 && (
        <div className={css.fresh}>
          <Button
            size="compact-sm"
            radius="xl"
            onClick={() => {
              window.scrollTo({ top: 0 });
              reread();
            }}
          >
            {t("list.fresh", { count: fresh.length })}
          </Button>
        </div>
      )}
      {nodes.length === 0 ? (
        <Nothing {...props} />
      ) : (
        <>
          <DataTable
            caption={t("nav.domains")}
            columns={[
              { key: "host", label: t("domains.column.host") },
              { key: "state", label: t("domains.column.state") },
              { key: "checks", label: t("domains.column.checks") },
              { key: "provider", label: t("domains.column.provider") },
              { key: "since", label: t("domains.column.since"), end: true },
            ]}
          >
            {nodes.map((node) => (
              <DomainRow key={node.id} org={org} connection={node} withApplication={!applicationId} />
            ))}
          </DataTable>
          <div className={moreClass}>
            <span className="tabular">{t("list.count", { shown: nodes.length, total: data.connections.totalCount })}</span>
            {hasNext && (
              <Button variant="default" size="xs" loading={isLoadingNext} onClick={() => loadNext(30)}>
                {t("list.more")}
              </Button>
            )}
          </div>
        </>
      )}
    </>
  );
}

function Nothing({ filtered, onConnect, onClear, states }: Props) {
  const { t } = useTranslation();
  if (filtered || states.length < 6) {
    return (
      <Empty
        title={t("domains.none.title")}
        actions={
          <Button variant="default" onClick={onClear}>
            {t("list.clear")}
          </Button>
        }
      >
        {t("domains.none.text")}
      </Empty>
    );
  }
  return (
    <Empty
      icon={<IconWorld size={22} />}
      title={t("domains.empty.title")}
      actions={<Button onClick={onConnect}>{t("nav.connect")}</Button>}
      code={'mutation { startConnection(input: {applicationId: "app_…", hostname: "shop.acme.com"}) { connection { id state } } }'}
    >
      {t("domains.empty.text")}
    </Empty>
  );
}
