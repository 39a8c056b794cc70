import { createFileRoute } from "@tanstack/react-router";
import { type DeliveriesSearch, EndpointPage } from "#/features/webhooks/EndpointPage.tsx";
import type { EndpointDetailQuery } from "#/relay/__generated__/EndpointDetailQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { NotFound } from "#/shell/States.tsx";

const query = graphql`
  query EndpointDetailQuery($id: ID!) {
    webhookEndpoint(id: $id) {
      ...EndpointPage_endpoint
    }
  }
`;

const text = (value: unknown) => (typeof value === "string" && value ? value : undefined);

export const Route = createFileRoute("/$org/webhooks/$id")({
  staticData: { texts: ["domains", "webhooks"] },
  validateSearch: (search: Record<string, unknown>): DeliveriesSearch => ({
    state: text(search.state),
    topic: text(search.topic),
    delivery: text(search.delivery),
    replay: text(search.replay),
  }),
  loader: ({ params }) => preload<EndpointDetailQuery>(query, { id: params.id }),
  component: function Endpoint() {
    const { webhookEndpoint } = usePreloaded<EndpointDetailQuery>(query, Route.useLoaderData());
    const { org } = Route.useParams();
    const { organization } = Route.useRouteContext();
    const search = Route.useSearch();
    const navigate = Route.useNavigate();
    if (!webhookEndpoint) return <NotFound />;
    return (
      <EndpointPage
        org={org}
        organizationId={organization.id}
        endpoint={webhookEndpoint}
        search={search}
        onSearch={(next) => void navigate({ search: next, resetScroll: false })}
        onGone={() => void navigate({ to: "/$org/webhooks" })}
      />
    );
  },
});
