import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { PeopleTable } from "#/features/operate/PeopleTable.tsx";
import type { PeopleListQuery, UserFilter } from "#/relay/__generated__/PeopleListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query PeopleListQuery($filter: UserFilter) {
    ...PeopleTable_query
  }
`;

export const Route = createFileRoute("/people/")({
  staticData: { texts: ["operate"] },
  validateSearch: (search: Record<string, unknown>): { q?: string; who?: "operators" | "suspended" } => ({
    q: typeof search.q === "string" && search.q ? search.q.slice(0, 254) : undefined,
    who: search.who === "operators" || search.who === "suspended" ? search.who : undefined,
  }),
  loaderDeps: ({ search }) => search,
  loader: ({ deps }) => {
    const filter: UserFilter = {
      text: deps.q ?? null,
      role: deps.who === "operators" ? "OPERATIONS" : null,
      access: deps.who === "suspended" ? "SUSPENDED" : null,
    };
    return preload<PeopleListQuery>(query, { filter });
  },
  component: function People() {
    const { t } = useTranslation();
    const data = usePreloaded<PeopleListQuery>(query, Route.useLoaderData());
    const search = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("operate.nav.people")} title={t("operate.nav.people")} text={t("operate.people.text")} />
        <PeopleTable query={data} search={search} onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })} />
      </>
    );
  },
});
