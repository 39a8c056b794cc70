import { Button } from "@mantine/core";
import { IconApps, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { AppsGrid_card$data, AppsGrid_card$key } from "#/relay/__generated__/AppsGrid_card.graphql.ts";
import type { AppsGrid_query$key } from "#/relay/__generated__/AppsGrid_query.graphql.ts";
import type { AppsGridMoreQuery } from "#/relay/__generated__/AppsGridMoreQuery.graphql.ts";
import { graphql, useFragment, usePaginationFragment } from "#/relay/index.ts";
import { Empty } from "#/ui/Empty.tsx";
import { More } from "#/ui/More.tsx";
import { StateBar } from "#/ui/StateBar.tsx";
import css from "./applications.module.css";

const AppDialog = lazy(() => import("./AppDialog.tsx"));

type Props = {
  organization: { id: string; slug: string };
  query: AppsGrid_query$key;
  creating: boolean;
  onCreating: (creating: boolean) => void;
  onCreated: (id: string) => void;
};

/** One card for each product surface: its kind, and how its domains are doing. */
export function AppsGrid({ organization, query, creating, onCreating, onCreated }: Props) {
  const { t } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<AppsGridMoreQuery, AppsGrid_query$key>(
    graphql`
      fragment AppsGrid_query on Query
      @refetchable(queryName: "AppsGridMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        applications(organizationId: $organizationId, first: $first, after: $after) @connection(key: "AppsGrid_applications") {
          __id
          edges {
            node {
              id
              archivedAt
              ...AppsGrid_card
            }
          }
        }
      }
    `,
    query,
  );
  const rows = data.applications.edges.map((edge) => edge.node).filter((application) => !application.archivedAt);
  return (
    <>
      {rows.length === 0 ? (
        <Empty
          icon={<IconApps size={22} />}
          title={t("apps.empty.title")}
          actions={
            <Button leftSection={<IconPlus size={16} />} onClick={() => onCreating(true)}>
              {t("apps.create")}
            </Button>
          }
        >
          {t("apps.empty.text")}
        </Empty>
      ) : (
        <ul className={css.grid}>
          {rows.map((application) => (
            <AppCard key={application.id} org={organization.slug} application={application} />
          ))}
        </ul>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
      {creating && (
        <Suspense>
          <AppDialog
            organizationId={organization.id}
            list={data.applications.__id}
            onClose={() => onCreating(false)}
            onCreated={onCreated}
          />
        </Suspense>
      )}
    </>
  );
}

export const card = graphql`
  fragment AppsGrid_card on Application {
    id
    name
    slug
    environment
    allowedOrigins
    connectionCounts {
      state
      count
    }
  }
`;

function AppCard({ org, application }: { org: string; application: AppsGrid_card$key }) {
  const { t } = useTranslation();
  const data: AppsGrid_card$data = useFragment(card, application);
  const total = data.connectionCounts.reduce((sum, { state, count }) => sum + (state === "ARCHIVED" ? 0 : count), 0);
  return (
    <li className={css.card}>
      <div className={css.cardHead}>
        <Link to="/$org/apps/$app" params={{ org, app: data.id }} className={css.cardName} data-row-link>
          {data.name}
        </Link>
        <Environment environment={data.environment} />
      </div>
      <span className={css.slug}>{data.slug}</span>
      <div className={css.cardFoot}>
        <div>
          <strong className="tabular">{total}</strong> <span className="dim">{t("apps.domains", { count: total })}</span>
        </div>
        {data.allowedOrigins.length === 0 && <span className={css.warn}>{t("apps.noOrigin")}</span>}
        <StateBar counts={data.connectionCounts} />
      </div>
    </li>
  );
}

export function Environment({ environment }: { environment: "LIVE" | "TEST" }) {
  const { t } = useTranslation();
  return (
    <span className={css.environment} data-environment={environment}>
      {t(`apps.environment.${environment}`)}
    </span>
  );
}
