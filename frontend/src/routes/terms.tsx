import { createFileRoute } from "@tanstack/react-router";
import { Terms } from "#/features/account/Terms.tsx";
import type { termsQuery } from "#/relay/__generated__/termsQuery.graphql.ts";
import { graphql, read } from "#/relay/index.ts";
import { signedIn } from "#/relay/session.ts";

const query = graphql`
  query termsQuery {
    viewer {
      termsToAccept
    }
  }
`;

/** The terms, for everybody; who is signed in and has not accepted those of today does so here. */
export const Route = createFileRoute("/terms")({
  staticData: { texts: ["profile"] },
  loader: async () => {
    if (!(await signedIn())) return null;
    const { viewer } = await read<termsQuery>(query, {}, true);
    return viewer.termsToAccept ?? null;
  },
  component: function TermsPage() {
    return <Terms asked={Route.useLoaderData()} />;
  },
});
