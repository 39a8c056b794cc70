import { useEffect, useRef } from "react";
import type { buildHealthQuery } from "#/relay/__generated__/buildHealthQuery.graphql.ts";
import { graphql, onReconnect, read } from "#/relay/index.ts";

/** Asks after each reconnect whether the server carries another console than this page. */
export function useNewBuild(tell: () => void) {
  const first = useRef<string | null>(null);
  useEffect(() => {
    const look = () =>
      read<buildHealthQuery>(
        graphql`
          query buildHealthQuery {
            health {
              build
            }
          }
        `,
        {},
        true,
      ).then(
        ({ health }) => {
          first.current ??= health.build;
          if (first.current !== health.build) tell();
        },
        () => {},
      );
    void look();
    const off = onReconnect(() => void look());
    return () => {
      off();
    };
  }, [tell]);
}
