import { Button } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { DomainIncidentsFeedSubscription } from "#/relay/__generated__/DomainIncidentsFeedSubscription.graphql.ts";
import type { DomainIncidentsQuery } from "#/relay/__generated__/DomainIncidentsQuery.graphql.ts";
import { graphql, useFeed, useLazyLoadQuery } from "#/relay/index.ts";
import { useCan } from "#/ui/Permissions.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Acknowledged } from "./Acknowledge.tsx";
import { Clock } from "./Clock.tsx";
import css from "./incidents.module.css";
import { Kind } from "./Kind.tsx";

const MoreTimeDialog = lazy(() => import("./MoreTimeDialog.tsx"));

type Props = { id: string; organizationId: string; onPutBack: () => void };

/** What is wrong with one name that was live: the clock, who sees to it, and what can be done. */
export default function DomainIncidents({ id, organizationId, onPutBack }: Props) {
  const { t, i18n } = useTranslation();
  const [round, setRound] = useState(0);
  const [extending, setExtending] = useState(false);
  const may = useCan("connection.write");
  const { connection } = useLazyLoadQuery<DomainIncidentsQuery>(
    graphql`
      query DomainIncidentsQuery($id: ID!, $locale: String) {
        connection(id: $id) {
          id
          version
          state
          graceUntil
          application {
            id
            monitorPolicy {
              id
              heal
            }
          }
          incidents(open: true) {
            id
            kind
            severity
            flapping
            openedAt
            graceUntil
            explain(locale: $locale) {
              title
              body
            }
            ...Acknowledge_incident
          }
        }
      }
    `,
    { id, locale: i18n.language },
    { fetchKey: round, fetchPolicy: "store-and-network" },
  );
  useFeed<DomainIncidentsFeedSubscription>({
    subscription: graphql`
      subscription DomainIncidentsFeedSubscription($organizationId: ID!) {
        incidentsChanged(organizationId: $organizationId) {
          id
          resolvedAt
          ...Acknowledge_incident
          connection {
            id
          }
        }
      }
    `,
    variables: { organizationId },
    reread: () => setRound((n) => n + 1),
    onNext: (message) => message.incidentsChanged.connection.id === id && setRound((n) => n + 1),
  });
  if (!connection || connection.incidents.length === 0) return null;
  const heal = connection.application.monitorPolicy?.heal ?? "NOTIFY";
  return (
    <section className={css.trouble} aria-label={t("nav.incidents")}>
      {connection.incidents.map((incident) => (
        <div key={incident.id} className={css.incident}>
          <div className={css.what}>
            <Kind kind={incident.kind} severity={incident.severity} over={false} flapping={incident.flapping} />
            <span>{incident.explain.title}</span>
            <span className="dim">
              {t("domain.since")} <RelativeTime at={incident.openedAt} />
            </span>
          </div>
          <p className="dim">{incident.explain.body}</p>
          <div className={css.actions}>
            {incident.graceUntil && <Clock until={incident.graceUntil} />}
            {incident.kind === "DRIFT" && heal === "NOTIFY" && (
              <Button size="compact-sm" onClick={onPutBack}>
                {t("incidents.putBack")}
              </Button>
            )}
            {incident.graceUntil && may && (
              <Button size="compact-sm" variant="default" onClick={() => setExtending(true)}>
                {t("incidents.moreTime")}
              </Button>
            )}
            <Acknowledged incident={incident} />
          </div>
        </div>
      ))}
      <Suspense>
        {extending && connection.graceUntil && (
          <MoreTimeDialog
            id={connection.id}
            version={connection.version}
            until={connection.graceUntil}
            onClose={() => {
              setExtending(false);
              setRound((n) => n + 1);
            }}
          />
        )}
      </Suspense>
    </section>
  );
}
