import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ProvidersGrid, type Show, shows } from "#/features/providers/ProvidersGrid.tsx";
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
  staticData: { texts: ["domains", "providers"] },
  validateSearch: (search: Record<string, unknown>): { q?: string; show?: Show; provider?: string } => ({
    q: text(search.q),
    show: shows.find((show) => show === search.show),
    provider: text(search.provider),
  }),
  loader: () => preload<ProvidersListQuery>(query, {}),
  component: function Providers() {
    const { t } = useTranslation();
    const data = usePreloaded<ProvidersListQuery>(query, Route.useLoaderData());
    const { org } = Route.useParams();
    const { q, show, provider } = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("nav.providers")} title={t("nav.providers")} text={t("providers.text")} />
        <ProvidersGrid
          org={org}
          query={data}
          text={q ?? ""}
          show={show}
          open={provider}
          onText={(next) => void navigate({ search: { q: next || undefined, show }, replace: true, resetScroll: false })}
          onShow={(next) => void navigate({ search: { q, show: next }, replace: true, resetScroll: false })}
          onOpen={(slug) => void navigate({ search: { q, show, provider: slug }, resetScroll: false })}
          onClose={() => void navigate({ search: { q, show }, resetScroll: false })}
        />
      </>
    );
  },
});
