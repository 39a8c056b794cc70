import { Button } from "@mantine/core";
import { IconDeviceLaptop, IconDeviceMobile } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Sessions_query$key } from "#/relay/__generated__/Sessions_query.graphql.ts";
import type { SessionsAllMutation } from "#/relay/__generated__/SessionsAllMutation.graphql.ts";
import type { SessionsRefetchQuery } from "#/relay/__generated__/SessionsRefetchQuery.graphql.ts";
import type { SessionsRevokeMutation } from "#/relay/__generated__/SessionsRevokeMutation.graphql.ts";
import { failedOf, graphql, type RequestFailed, useAction, useRefetchableFragment } from "#/relay/index.ts";
import { signOut } from "#/relay/session.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./account.module.css";

/** Where the person is signed in. What they do not know they end, and it closes there within a second. */
export function Sessions({ query }: { query: Sessions_query$key }) {
  const { t } = useTranslation();
  const [{ sessions }, refetch] = useRefetchableFragment<SessionsRefetchQuery, Sessions_query$key>(
    graphql`
      fragment Sessions_query on Query @refetchable(queryName: "SessionsRefetchQuery") {
        sessions {
          id
          client
          ip
          userAgent
          createdAt
          lastSeenAt
          current
        }
      }
    `,
    query,
  );
  const [everywhere, setEverywhere] = useState(false);
  const [leaving, setLeaving] = useState(false);
  const [stuck, setStuck] = useState<RequestFailed | null>(null);
  const revoke = useAction<SessionsRevokeMutation>(
    graphql`
      mutation SessionsRevokeMutation($id: ID!) {
        revokeSession(id: $id) {
          ok
        }
      }
    `,
    { onDone: () => toast(t("security.revoked")) },
  );
  const revokeOthers = useAction<SessionsAllMutation>(
    graphql`
      mutation SessionsAllMutation {
        revokeOtherSessions {
          ok
        }
      }
    `,
    { onDone: () => toast(t("security.revokedOthers")) },
  );
  const again = () => refetch({}, { fetchPolicy: "store-and-network" });
  // Who comes back to this tab may have signed in elsewhere meanwhile.
  useEffect(() => {
    const look = () => {
      if (!document.hidden) refetch({}, { fetchPolicy: "store-and-network" });
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [refetch]);

  const others = sessions.filter((session) => !session.current).length;
  const failed = revoke.failed ?? revokeOthers.failed;
  return (
    <Card
      flush
      title={t("security.sessions")}
      text={t("security.sessionsText")}
      foot={
        <div className={css.feet}>
          <Button variant="default" onClick={() => setEverywhere(true)}>
            {t("security.everywhere")}
          </Button>
          <Button
            variant="default"
            disabled={others === 0}
            loading={revokeOthers.pending}
            onClick={() => void revokeOthers.run({}).then(again)}
          >
            {t("security.elsewhere")}
          </Button>
        </div>
      }
    >
      <ul className={css.sessions} aria-label={t("security.sessions")}>
        {sessions.map((session) => {
          const Icon = /Mobile|Android|iPhone/.test(session.userAgent) ? IconDeviceMobile : IconDeviceLaptop;
          return (
            <li key={session.id}>
              <Icon size={20} aria-hidden />
              <div>
                <strong title={session.userAgent}>{session.client || t("security.browser")}</strong>
                {session.current && (
                  <Status tone="good" plain>
                    {t("security.here")}
                  </Status>
                )}
                <p>
                  {session.ip && <span className="mono">{session.ip} · </span>}
                  {t("security.seen")} <RelativeTime at={session.lastSeenAt} /> · {t("security.since")}{" "}
                  <RelativeTime at={session.createdAt} />
                </p>
              </div>
              {!session.current && (
                <Button
                  size="compact-sm"
                  variant="default"
                  aria-label={t("security.revokeThis", { client: session.client || t("security.browser") })}
                  onClick={() => void revoke.run({ id: session.id }).then(again)}
                >
                  {t("security.revoke")}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
      {failed && <ErrorCard problem={failed} />}
      <Confirm
        opened={everywhere}
        onClose={() => setEverywhere(false)}
        title={t("security.everywhere")}
        action={t("account.signOut")}
        pending={leaving}
        onConfirm={() => {
          setLeaving(true);
          signOut(true).catch((error: unknown) => {
            setStuck(failedOf(error));
            setLeaving(false);
          });
        }}
        failure={stuck && <ErrorCard problem={stuck} />}
      >
        {t("security.everywhereText", { count: sessions.length })}
      </Confirm>
    </Card>
  );
}
