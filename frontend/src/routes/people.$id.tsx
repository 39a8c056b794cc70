import { createFileRoute } from "@tanstack/react-router";
import { PersonView } from "#/features/operate/PersonView.tsx";
import type { PersonDetailQuery } from "#/relay/__generated__/PersonDetailQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { NotFound } from "#/shell/States.tsx";

const query = graphql`
  query PersonDetailQuery($id: ID!) {
    viewer {
      userId
    }
    opsUser(id: $id) {
      ...PersonView_user
    }
  }
`;

export const Route = createFileRoute("/people/$id")({
  staticData: { texts: ["operate"] },
  loader: ({ params }) => preload<PersonDetailQuery>(query, { id: params.id }),
  component: function Person() {
    const { viewer, opsUser } = usePreloaded<PersonDetailQuery>(query, Route.useLoaderData());
    if (!opsUser) return <NotFound />;
    return <PersonView user={opsUser} me={viewer.userId} />;
  },
});
