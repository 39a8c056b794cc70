import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ProvidersGrid } from "#/features/providers/ProvidersGrid.tsx";
import type { ProvidersListQuery } from "#/relay/__generated__/ProvidersListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query ProvidersListQuery {
    ...ProvidersGrid_query
  }
`;

const text = (value: unknown) => (value === undefined || value === "" ? undefined : String(value));

export const Route = createFileRoute("/$org/providers")({
  validateSearch: (search: Record<string, unknown>): { q?: string; provider?: string } => ({
    q: text(search.q),
    provider: text(search.provider),
  }),
  loader: () => preload<ProvidersListQuery>(query, {}),
  component: function Providers() {
    const { t } = useTranslation();
    const data = usePreloaded<ProvidersListQuery>(query, Route.useLoaderData());
    const { org } = Route.useParams();
    const { q, provider } = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("nav.providers")} title={t("nav.providers")} text={t("providers.text")} />
        <ProvidersGrid
          org={org}
          query={data}
          text={q ?? ""}
          open={provider}
          onText={(next) => void navigate({ search: { q: next || undefined }, replace: true, resetScroll: false })}
          onClose={() => void navigate({ search: { q }, resetScroll: false })}
        />
      </>
    );
  },
});
