import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import type { Resolvers_connection$key } from "#/relay/__generated__/Resolvers_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { Card } from "#/ui/Page.tsx";
import { useNow } from "#/ui/RelativeTime.tsx";
import { type Wait, waits } from "./eta.ts";
import css from "./matrix.module.css";

/** A wait as a sentence: "Google's resolver will see it in about 12 minutes." */
export function sentence(t: TFunction, { who, when, count }: Wait): string {
  return who === null ? t(`eta.all.${when}`, { count }) : t(`eta.one.${when}`, { who, count });
}

/** What large resolvers answer to the world now, and when each will have what the name servers have. */
export function Resolvers({ connection }: { connection: Resolvers_connection$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Resolvers_connection on Connection {
        eta {
          until
          seconds
          perResolver {
            resolver
            region
            seconds
            reason
          }
        }
        lastCheck {
          resolvers {
            name
            values
            ttl
            rcode
          }
        }
      }
    `,
    connection,
  );
  const now = useNow(Boolean(data.eta));
  if (!data.eta || data.eta.perResolver.length === 0) return null;
  const { all, each } = waits(data.eta, now);
  const seen = new Map(data.lastCheck?.resolvers.map((one) => [one.name, one]));
  return (
    <Card title={t("resolvers.title")} text={sentence(t, all)} flush>
      <ul className={css.resolvers}>
        {each.map((one) => {
          const answer = [...seen].find(([name]) => one.who === name || one.who?.startsWith(`${name} (`))?.[1];
          return (
            <li key={one.who}>
              <span>{sentence(t, one)}</span>
              {answer && (
                <code dir="ltr" translate="no">
                  {answer.values.join(", ") || answer.rcode || t("resolvers.silent")}
                  {answer.ttl != null && ` · TTL ${answer.ttl}`}
                </code>
              )}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
