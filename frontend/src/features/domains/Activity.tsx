import { useTranslation } from "react-i18next";
import type { ActivityTabQuery } from "#/relay/__generated__/ActivityTabQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { Checks } from "./Checks.tsx";
import { Timeline } from "./Timeline.tsx";

export default function Activity({ id }: { id: string }) {
  const { i18n } = useTranslation();
  const { connection } = useLazyLoadQuery<ActivityTabQuery>(
    graphql`
      query ActivityTabQuery($id: ID!, $locale: String) {
        connection(id: $id) {
          ...Timeline_connection
          ...Checks_connection
        }
      }
    `,
    { id, locale: i18n.language },
    { fetchPolicy: "store-and-network" },
  );
  if (!connection) return null;
  return (
    <div className="stack">
      <Timeline connection={connection} />
      <Checks connection={connection} />
    </div>
  );
}
