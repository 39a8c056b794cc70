import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ApplicationDomainsQuery } from "#/relay/__generated__/ApplicationDomainsQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { LiveDot } from "#/ui/Page.tsx";
import { DomainsTable } from "./DomainsTable.tsx";
import css from "./domains.module.css";
import { views } from "./states.ts";

type Props = { organization: { id: string; slug: string }; applicationId: string; locale: string; onConnect: () => void };

/** The domains of one application, live. */
export function ApplicationDomains({ organization, applicationId, locale, onConnect }: Props) {
  const { t } = useTranslation();
  const data = useLazyLoadQuery<ApplicationDomainsQuery>(
    graphql`
      query ApplicationDomainsQuery($organizationId: ID!, $filter: ConnectionFilter, $orderBy: ConnectionOrder, $locale: String) {
        ...DomainsTable_query
      }
    `,
    {
      organizationId: organization.id,
      filter: { state: views.all, applicationId },
      orderBy: { field: "CREATED_AT", descending: true },
      locale,
    },
    { fetchPolicy: "store-and-network" },
  );
  return (
    <DomainsTable
      org={organization.slug}
      organizationId={organization.id}
      applicationId={applicationId}
      states={views.all}
      filtered={false}
      query={data}
      onConnect={onConnect}
      onClear={() => {}}
    >
      {(feed) => (
        <div className={css.bar}>
          <LiveDot state={feed} label={t(`live.${feed}`)} />
          <Button size="xs" leftSection={<IconPlus size={14} />} onClick={onConnect} data-shortcut="c">
            {t("nav.connect")}
          </Button>
        </div>
      )}
    </DomainsTable>
  );
}
