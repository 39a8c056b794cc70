import { Button, NativeSelect } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { Deliveries_endpoint$key } from "#/relay/__generated__/Deliveries_endpoint.graphql.ts";
import type { Deliveries_row$key, WebhookDeliveryState } from "#/relay/__generated__/Deliveries_row.graphql.ts";
import type { DeliveriesMoreQuery } from "#/relay/__generated__/DeliveriesMoreQuery.graphql.ts";
import type { DeliveriesQuery } from "#/relay/__generated__/DeliveriesQuery.graphql.ts";
import type { DeliveriesTailSubscription } from "#/relay/__generated__/DeliveriesTailSubscription.graphql.ts";
import { graphql, useFragment, useLazyLoadQuery, usePaginationFragment, useStream } from "#/relay/index.ts";
import { DataTable, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { More } from "#/ui/More.tsx";
import { LiveDot } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { DeliveryState, deliveryTones } from "./Badges.tsx";
import type { DeliveriesSearch } from "./EndpointPage.tsx";
import css from "./webhooks.module.css";

const DeliveryView = lazy(() => import("./DeliveryView.tsx"));
const states = Object.keys(deliveryTones) as WebhookDeliveryState[];

type Props = { endpointId: string; search: DeliveriesSearch; onSearch: (next: DeliveriesSearch) => void };

export function Deliveries({ endpointId, search, onSearch }: Props) {
  const state = states.find((one) => one === search.state);
  const { webhookEndpoint } = useLazyLoadQuery<DeliveriesQuery>(
    graphql`
      query DeliveriesQuery($id: ID!, $state: [WebhookDeliveryState!], $topic: String) {
        webhookEndpoint(id: $id) {
          ...Deliveries_endpoint
        }
      }
    `,
    { id: endpointId, state: state ? [state] : null, topic: search.topic ?? null },
    { fetchPolicy: "store-and-network" },
  );
  return webhookEndpoint && <List key={`${state}${search.topic}`} endpoint={webhookEndpoint} search={search} onSearch={onSearch} />;
}

function List({
  endpoint,
  search,
  onSearch,
}: {
  endpoint: Deliveries_endpoint$key;
  search: DeliveriesSearch;
  onSearch: Props["onSearch"];
}) {
  const { t } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<DeliveriesMoreQuery, Deliveries_endpoint$key>(
    graphql`
      fragment Deliveries_endpoint on WebhookEndpoint
      @refetchable(queryName: "DeliveriesMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 25 }, after: { type: "String" }) {
        id
        topics
        deliveries(state: $state, topic: $topic, first: $first, after: $after)
          @connection(key: "Deliveries_deliveries", filters: ["state", "topic"]) {
          __id
          cursor
          totalCount
          edges {
            cursor
            node {
              id
              topic
              state
              ...Deliveries_row
            }
          }
        }
      }
    `,
    endpoint,
  );
  const rows = data.deliveries.edges.map((edge) => edge.node);
  const filtered = Boolean(search.state || search.topic);
  const feed = useStream<DeliveriesTailSubscription>({
    subscription: graphql`
      subscription DeliveriesTailSubscription($endpointId: ID!, $after: String, $connections: [ID!]!) {
        webhookDeliveries(endpointId: $endpointId, after: $after)
          @prependNode(connections: $connections, edgeTypeName: "WebhookDeliveryEdge") {
          id
          cursor
          topic
          state
          ...Deliveries_row
          ...DeliveryView_delivery
        }
      }
    `,
    // A filtered list takes no new rows: whether they match is the server's to say.
    variables: { endpointId: data.id, after: data.deliveries.cursor, connections: filtered ? [] : [data.deliveries.__id] },
    point: (message) => message.webhookDeliveries.cursor,
  });
  const topics = [...new Set([...rows.map((row) => row.topic), ...(search.topic ? [search.topic] : [])])].sort();
  return (
    <>
      <div className={css.bar}>
        <h2>{t("deliveries.title")}</h2>
        <div>
          <LiveDot state={feed} label={t(`live.${feed}`)} />
          <NativeSelect
            size="xs"
            aria-label={t("domains.column.state")}
            value={search.state ?? ""}
            onChange={(event) => onSearch({ ...search, state: event.currentTarget.value || undefined })}
            data={[
              { value: "", label: t("deliveries.anyState") },
              ...states.map((value) => ({ value, label: t(`deliveries.state.${value}`) })),
            ]}
          />
          <NativeSelect
            size="xs"
            aria-label={t("deliveries.topic")}
            value={search.topic ?? ""}
            onChange={(event) => onSearch({ ...search, topic: event.currentTarget.value || undefined })}
            data={[{ value: "", label: t("deliveries.anyTopic") }, ...topics]}
          />
        </div>
      </div>
      {rows.length === 0 ? (
        <Empty
          title={t(filtered ? "deliveries.none.title" : "deliveries.empty.title")}
          actions={
            filtered && (
              <Button variant="default" onClick={() => onSearch({})}>
                {t("list.clear")}
              </Button>
            )
          }
        >
          {t(filtered ? "deliveries.none.text" : "deliveries.empty.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("deliveries.title")}
          columns={[
            { key: "topic", label: t("deliveries.topic") },
            { key: "state", label: t("domains.column.state") },
            { key: "attempts", label: t("deliveries.attempts") },
            { key: "at", label: t("deliveries.at"), end: true },
          ]}
        >
          {rows.map((row) => (
            <Row key={row.id} delivery={row} onOpen={(id) => onSearch({ ...search, delivery: id })} />
          ))}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(25)} />}
      {search.delivery && (
        <Suspense>
          <DeliveryView id={search.delivery} onClose={() => onSearch({ ...search, delivery: undefined })} />
        </Suspense>
      )}
    </>
  );
}

function Row({ delivery, onOpen }: { delivery: Deliveries_row$key; onOpen: (id: string) => void }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Deliveries_row on WebhookDelivery {
        id
        topic
        eventId
        state
        createdAt
        nextAttemptAt
        replayOf
        attempts {
          n
          status
          error
          latencyMs
        }
      }
    `,
    delivery,
  );
  const last = data.attempts.at(-1);
  return (
    <tr>
      <td data-wide>
        <a
          href={`?delivery=${data.id}`}
          {...rowLink}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
            onOpen(data.id);
          }}
        >
          <code className={css.name}>{data.topic}</code>
        </a>
        <span className={css.sub}>
          {data.eventId}
          {data.replayOf && ` · ${t("deliveries.replay")}`}
        </span>
      </td>
      <td data-label={t("domains.column.state")}>
        <div>
          <DeliveryState state={data.state} />
          {data.nextAttemptAt && data.state === "RETRYING" && (
            <span className={css.sub}>
              {t("deliveries.next")} <RelativeTime at={data.nextAttemptAt} />
            </span>
          )}
        </div>
      </td>
      <td data-label={t("deliveries.attempts")} className="tabular">
        <span>
          {data.attempts.length}
          {last && <span className="dim"> · {last.status ?? last.error}</span>}
          {last?.latencyMs ? <span className="dim"> · {last.latencyMs} ms</span> : null}
        </span>
      </td>
      <td data-label={t("deliveries.at")} data-end className="dim">
        <RelativeTime at={data.createdAt} />
      </td>
    </tr>
  );
}
