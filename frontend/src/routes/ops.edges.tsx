import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Edges } from "#/features/operate/Edges.tsx";
import type { EdgesListQuery } from "#/relay/__generated__/EdgesListQuery.graphql.ts";
import { graphql, preload, read, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query EdgesListQuery {
    ...Edges_query
  }
`;

export const Route = createFileRoute("/ops/edges")({
  staticData: { texts: ["operate"] },
  loader: () => preload<EdgesListQuery>(query, {}),
  component: function EdgesPage() {
    const { t } = useTranslation();
    const data = usePreloaded<EdgesListQuery>(query, Route.useLoaderData());
    return (
      <>
        <PageHeader tab={t("operate.nav.edges")} title={t("operate.nav.edges")} text={t("operate.edges.text")} />
        {/* What is shown stays when the server does not answer; the banner says that. */}
        <Edges query={data} onAgain={() => void read<EdgesListQuery>(query, {}, true).catch(() => {})} />
      </>
    );
  },
});
