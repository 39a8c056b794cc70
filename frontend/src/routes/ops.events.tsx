import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Events } from "#/features/operate/Events.tsx";
import { eventsFilter, readEventsSearch } from "#/features/operate/events.ts";
import type { EventsListQuery } from "#/relay/__generated__/EventsListQuery.graphql.ts";
import { graphql, preload, read, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query EventsListQuery($filter: LedgerEventFilter) {
    ...Events_query
  }
`;

export const Route = createFileRoute("/ops/events")({
  staticData: { texts: ["operate"] },
  validateSearch: readEventsSearch,
  loaderDeps: ({ search: { event: _, ...rest } }) => rest,
  loader: ({ deps }) => preload<EventsListQuery>(query, { filter: eventsFilter(deps) }),
  component: function EventsPage() {
    const { t } = useTranslation();
    const data = usePreloaded<EventsListQuery>(query, Route.useLoaderData());
    const search = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("operate.nav.events")} title={t("operate.nav.events")} text={t("operate.events.text")} />
        <Events
          query={data}
          search={search}
          onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })}
          // What is shown stays when the server does not answer; the banner says that.
          onAgain={() => void read<EventsListQuery>(query, { filter: eventsFilter(search) }, true).catch(() => {})}
        />
      </>
    );
  },
});
