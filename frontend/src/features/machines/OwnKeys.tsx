import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { OwnKeysEndMutation } from "#/relay/__generated__/OwnKeysEndMutation.graphql.ts";
import type { OwnKeysQuery, OwnKeysQuery$data } from "#/relay/__generated__/OwnKeysQuery.graphql.ts";
import { graphql, useAction, useLazyLoadQuery } from "#/relay/index.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./machines.module.css";

type Key = OwnKeysQuery$data["apiKeys"]["nodes"][number];

/** Keys of a person or of one of their machines, wherever they work. One that is not known any more ends here. */
export function OwnKeys({ userId, none, onEnded }: { userId: string; none: string; onEnded?: () => void }) {
  const { t } = useTranslation();
  const [round, setRound] = useState(0);
  const [ending, setEnding] = useState<Key | null>(null);
  const { apiKeys } = useLazyLoadQuery<OwnKeysQuery>(
    graphql`
      query OwnKeysQuery($userId: ID!) {
        apiKeys(userId: $userId, first: 100) {
          totalCount
          nodes {
            id
            prefix
            lastFour
            description
            createdAt
            expiresAt
            lastUsedAt
            lastUsedIp
          }
        }
      }
    `,
    { userId },
    { fetchPolicy: round ? "network-only" : "store-and-network", fetchKey: round },
  );
  const end = useAction<OwnKeysEndMutation>(
    graphql`
      mutation OwnKeysEndMutation($id: ID!) {
        deleteApiKey(id: $id) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        setEnding(null);
        setRound((n) => n + 1);
        onEnded?.();
        toast(t("programs.ended"));
      },
    },
  );
  if (apiKeys.nodes.length === 0) return <p className={css.none}>{none}</p>;
  return (
    <>
      <ul className={css.rows} aria-label={t("programs.keys")}>
        {apiKeys.nodes.map((key) => (
          <li key={key.id}>
            <div>
              <strong>{key.description || key.prefix}</strong>
              <p>
                <span className="mono">
                  {key.prefix}…{key.lastFour}
                </span>
                {" · "}
                {key.lastUsedAt ? (
                  <>
                    {t("programs.used")} <RelativeTime at={key.lastUsedAt} />
                  </>
                ) : (
                  t("programs.unused")
                )}
                {key.lastUsedIp && (
                  <>
                    {" · "}
                    <span className="mono">{key.lastUsedIp}</span>
                  </>
                )}
                {key.expiresAt && (
                  <>
                    {" · "}
                    {t("programs.ends")} <RelativeTime at={key.expiresAt} />
                  </>
                )}
              </p>
            </div>
            <Button
              size="compact-sm"
              variant="default"
              aria-label={t("programs.endThis", { name: key.description || key.prefix })}
              onClick={() => setEnding(key)}
            >
              {t("programs.end")}
            </Button>
          </li>
        ))}
      </ul>
      {apiKeys.totalCount > apiKeys.nodes.length && <p className={css.none}>{t("programs.newest", { count: apiKeys.nodes.length })}</p>}
      <Confirm
        opened={ending !== null}
        onClose={() => setEnding(null)}
        title={t("programs.endTitle", { name: ending?.description || ending?.prefix })}
        action={t("programs.end")}
        pending={end.pending}
        onConfirm={() => ending && end.run({ id: ending.id })}
        failure={end.failed && <ErrorCard problem={end.failed} />}
      >
        {t("programs.endText")}
      </Confirm>
    </>
  );
}
