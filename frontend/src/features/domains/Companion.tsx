import { Button } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Companion_connection$data, Companion_connection$key } from "#/relay/__generated__/Companion_connection.graphql.ts";
import type { CompanionFeedSubscription } from "#/relay/__generated__/CompanionFeedSubscription.graphql.ts";
import type { CompanionSetMutation } from "#/relay/__generated__/CompanionSetMutation.graphql.ts";
import { graphql, useAction, useFeed, useFragment } from "#/relay/index.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { toast } from "#/ui/toast.ts";
import { StateBadge } from "./Badges.tsx";
import css from "./domain.module.css";
import { Records } from "./Records.tsx";

type Pair = NonNullable<Companion_connection$data["companion"]>;

/** The other name of www and the domain itself: offered, or on its way beside this one with records of its own. */
export function Companion({ connection }: { connection: Companion_connection$key }) {
  const { t } = useTranslation();
  const { org } = useParams({ strict: false });
  const data = useFragment(
    graphql`
      fragment Companion_connection on Connection {
        id
        version
        state
        hostname
        companionOf
        redirectsTo
        companion {
          hostname
          unicodeName
          mode
          redirectTo
          connection {
            id
            state
            ...Records_connection
          }
        }
      }
    `,
    connection,
  );
  if (data.companionOf && data.redirectsTo) {
    return (
      <Card
        title={t("companion.title")}
        text={t("companion.of", { to: data.redirectsTo })}
        actions={
          <Button size="xs" variant="default" component={Link} to={`/${org}/domains/${data.companionOf}`}>
            {t("companion.open", { name: data.redirectsTo })}
          </Button>
        }
      />
    );
  }
  if (!data.companion || data.state === "ARCHIVED") return null;
  return <Beside id={data.id} version={data.version} state={data.state} org={org ?? ""} pair={data.companion} />;
}

function Beside({ id, version, state, org, pair }: { id: string; version: number; state: string; org: string; pair: Pair }) {
  const { t, i18n } = useTranslation();
  const may = useCan("connection.write");
  const [asked, setAsked] = useState(false);
  const { hostname, unicodeName: name, redirectTo: to, connection: other } = pair;
  useFeed<CompanionFeedSubscription>({
    subscription: graphql`
      subscription CompanionFeedSubscription($id: ID!, $locale: String) {
        connectionProgress(id: $id) {
          id
          version
          state
          ...Records_connection
        }
      }
    `,
    variables: { id: other?.id ?? "", locale: i18n.language },
    enabled: Boolean(other),
  });
  const set = useAction<CompanionSetMutation>(graphql`
    mutation CompanionSetMutation($input: UpdateConnectionInput!, $locale: String) {
      updateConnection(input: $input) {
        connection {
          ...Companion_connection
        }
      }
    }
  `);
  const run = (mode: Pair["mode"]) => set.run({ input: { id, version, companion: mode }, locale: i18n.language });
  if (!other) {
    if (!may) return null;
    return (
      <Card
        title={t("companion.title")}
        text={t("companion.offer", { name, to })}
        actions={
          <Button
            variant="default"
            loading={set.pending}
            onClick={async () => (await run(pair.mode)) && toast(t("companion.taken", { name }))}
          >
            {t("companion.take", { name })}
          </Button>
        }
      >
        {set.failed && <ErrorCard problem={set.failed} />}
      </Card>
    );
  }
  const on = state === "LIVE" && other.state === "LIVE";
  return (
    <>
      <Card
        title={
          <span className={css.title}>
            <span className="mono">{name}</span> <StateBadge state={other.state} />
          </span>
        }
        text={t(on ? "companion.on" : "companion.soon", { name, to })}
        actions={
          <div className={css.cardActions}>
            <Button size="xs" variant="default" component={Link} to={`/${org}/domains/${other.id}`}>
              {t("companion.open", { name })}
            </Button>
            {may && (
              <Button size="xs" variant="subtle" color="gray" c="var(--np-dim)" onClick={() => setAsked(true)}>
                {t("companion.remove")}
              </Button>
            )}
          </div>
        }
      />
      {other.state !== "LIVE" && <Records connection={other} title={t("companion.records", { name })} />}
      <Confirm
        opened={asked}
        onClose={() => setAsked(false)}
        title={t("companion.remove")}
        name={hostname}
        action={t("companion.remove")}
        pending={set.pending}
        onConfirm={async () => {
          if (!(await run("NONE"))) return;
          setAsked(false);
          toast(t("companion.removed", { name }));
        }}
        failure={set.failed && <ErrorCard problem={set.failed} />}
      >
        {t("companion.removeText", { name, to })}
      </Confirm>
    </>
  );
}
