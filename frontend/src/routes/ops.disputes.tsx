import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Disputes } from "#/features/operate/Disputes.tsx";
import type { DisputesListQuery } from "#/relay/__generated__/DisputesListQuery.graphql.ts";
import { graphql, preload, read, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query DisputesListQuery {
    ...Disputes_query
  }
`;

export const Route = createFileRoute("/ops/disputes")({
  staticData: { texts: ["operate"] },
  loader: () => preload<DisputesListQuery>(query, {}),
  component: function DisputesPage() {
    const { t } = useTranslation();
    const data = usePreloaded<DisputesListQuery>(query, Route.useLoaderData());
    return (
      <>
        <PageHeader tab={t("operate.nav.disputes")} title={t("operate.nav.disputes")} text={t("operate.disputes.text")} />
        <Disputes query={data} onAgain={() => void read<DisputesListQuery>(query, {}, true).catch(() => {})} />
      </>
    );
  },
});
