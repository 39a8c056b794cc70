import { createFileRoute, redirect } from "@tanstack/react-router";
import type { routesLandingQuery } from "#/relay/__generated__/routesLandingQuery.graphql.ts";
import { graphql, read } from "#/relay/index.ts";
import { signedIn } from "#/relay/session.ts";

const query = graphql`
  query routesLandingQuery {
    viewer {
      landing
    }
  }
`;

/** Where this person's console begins. */
export const Route = createFileRoute("/")({
  beforeLoad: async () => {
    if (!(await signedIn())) throw redirect({ to: "/login" });
    const { viewer } = await read<routesLandingQuery>(query, {}, true);
    throw redirect({ href: viewer.landing === "/" ? "/login" : viewer.landing });
  },
});
