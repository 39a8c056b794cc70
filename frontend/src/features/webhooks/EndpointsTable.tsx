import { Button } from "@mantine/core";
import { IconBroadcast, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { EndpointsTable_query$key } from "#/relay/__generated__/EndpointsTable_query.graphql.ts";
import type { EndpointsTable_row$key } from "#/relay/__generated__/EndpointsTable_row.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { DataTable, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { SecretOnce } from "#/ui/SecretOnce.tsx";
import { EndpointStatus, Rate } from "./Badges.tsx";
import { Sparkline } from "./Sparkline.tsx";
import css from "./webhooks.module.css";

const EndpointForm = lazy(() => import("./EndpointForm.tsx"));

type Props = {
  organization: { id: string; slug: string };
  query: EndpointsTable_query$key;
  creating: boolean;
  onCreating: (creating: boolean) => void;
};

/** Where events go, and how well they arrive. */
export function EndpointsTable({ organization, query, creating, onCreating }: Props) {
  const { t } = useTranslation();
  const [secret, setSecret] = useState<string | null>(null);
  const { webhookEndpoints } = useFragment(
    graphql`
      fragment EndpointsTable_query on Query {
        webhookEndpoints(organizationId: $organizationId) {
          id
          ...EndpointsTable_row
        }
      }
    `,
    query,
  );
  return (
    <div className="stack">
      {secret && <SecretOnce secret={secret} what={t("webhooks.secret")} onStored={() => setSecret(null)} />}
      {webhookEndpoints.length === 0 ? (
        <Empty
          icon={<IconBroadcast size={22} />}
          title={t("webhooks.empty.title")}
          actions={
            <Button leftSection={<IconPlus size={16} />} onClick={() => onCreating(true)}>
              {t("webhooks.create")}
            </Button>
          }
          code="webhook-id · webhook-timestamp · webhook-signature"
        >
          {t("webhooks.empty.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("nav.webhooks")}
          columns={[
            { key: "url", label: t("webhooks.column.url") },
            { key: "status", label: t("domains.column.state") },
            { key: "topics", label: t("webhooks.column.topics") },
            { key: "rate", label: t("webhooks.column.rate"), end: true },
            { key: "p95", label: t("webhooks.column.p95"), end: true },
            { key: "pending", label: t("webhooks.column.pending"), end: true },
          ]}
        >
          {webhookEndpoints.map((endpoint) => (
            <Row key={endpoint.id} org={organization.slug} endpoint={endpoint} />
          ))}
        </DataTable>
      )}
      {creating && (
        <Suspense>
          <EndpointForm
            organizationId={organization.id}
            onClose={() => onCreating(false)}
            onCreated={(made) => {
              setSecret(made);
              onCreating(false);
            }}
          />
        </Suspense>
      )}
    </div>
  );
}

function Row({ org, endpoint }: { org: string; endpoint: EndpointsTable_row$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment EndpointsTable_row on WebhookEndpoint {
        id
        url
        description
        topics
        status
        successRate24h
        p95Ms
        pending
        hours {
          at
          attempts
          succeeded
        }
      }
    `,
    endpoint,
  );
  return (
    <tr>
      <td data-wide>
        <Link to="/$org/webhooks/$id" params={{ org, id: data.id }} {...rowLink}>
          <span className={css.url}>{data.url}</span>
        </Link>
        <span className={css.sub}>{data.description}</span>
      </td>
      <td data-label={t("domains.column.state")}>
        <EndpointStatus status={data.status} />
      </td>
      <td data-label={t("webhooks.column.topics")} className="dim" title={data.topics.join("\n")}>
        {data.topics.length === 1 ? (
          <code className={css.topic}>{data.topics[0]}</code>
        ) : (
          t("webhooks.topics", { count: data.topics.length })
        )}
      </td>
      <td data-label={t("webhooks.column.rate")} data-end>
        <span className={css.rate}>
          <Sparkline hours={data.hours} />
          <Rate rate={data.successRate24h} />
        </span>
      </td>
      <td data-label={t("webhooks.column.p95")} data-end className="tabular">
        {data.p95Ms === null || data.p95Ms === undefined ? "–" : `${data.p95Ms} ms`}
      </td>
      <td data-label={t("webhooks.column.pending")} data-end className="tabular">
        {data.pending}
      </td>
    </tr>
  );
}
