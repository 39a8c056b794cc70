import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { EventView_event$key } from "#/relay/__generated__/EventView_event.graphql.ts";
import type { EventViewAgainMutation } from "#/relay/__generated__/EventViewAgainMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { Code, pretty } from "#/ui/Code.tsx";
import { Dialog } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Facts } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { exact } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import type { EventsSearch } from "./events.ts";
import { ReaderMark } from "./Marks.tsx";
import css from "./operate.module.css";

type Props = { event: EventView_event$key; onClose: () => void; onSearch: (next: EventsSearch) => void };

/** One event with what it tells, and each reader that wants it; one that stands still can be let go on. */
export default function EventView({ event, onClose, onSearch }: Props) {
  const { t, i18n } = useTranslation();
  const may = useCan("event.redeliver");
  const one = useFragment(
    graphql`
      fragment EventView_event on LedgerEvent {
        id
        at
        organizationId
        actor
        action
        subject
        version
        stream
        sequence
        payload
        requestId
        audited
        deliveries {
          reader
          state
          attempts
          lastError
        }
      }
    `,
    event,
  );
  const again = useAction<EventViewAgainMutation>(
    graphql`
      mutation EventViewAgainMutation($id: ID!, $reader: String!) {
        opsRedeliverEvent(id: $id, reader: $reader) {
          ...EventView_event
        }
      }
    `,
    { onDone: () => toast(t("operate.events.again.done")) },
  );
  return (
    <Dialog opened onClose={onClose} title={one.action} size={760}>
      <div className="stack">
        <section aria-label={t("operate.events.readers")}>
          <h3>{t("operate.events.readers")}</h3>
          {one.deliveries.length === 0 ? (
            <p className="dim">{t("operate.events.nobody")}</p>
          ) : (
            <ul className={css.list}>
              {one.deliveries.map((reader) => (
                <li key={reader.reader}>
                  <ReaderMark reader={reader.reader} state={reader.state} />
                  <span className="dim">
                    {t(`operate.events.reader.${reader.state}`)}
                    {reader.attempts > 0 && ` · ${t("operate.events.tries", { count: reader.attempts })}`}
                  </span>
                  {reader.lastError && <code className={css.input}>{reader.lastError}</code>}
                  {may && reader.state === "PARKED" && (
                    <Button size="compact-sm" loading={again.pending} onClick={() => void again.run({ id: one.id, reader: reader.reader })}>
                      {t("operate.events.again.action")}
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )}
          {again.failed && <ErrorCard problem={again.failed} />}
        </section>
        <Facts
          rows={[
            [t("operate.events.at"), exact(one.at, i18n.language)],
            [
              t("operate.events.actor"),
              <span key="actor" className={css.address}>
                {one.actor}
              </span>,
            ],
            [
              t("operate.events.subject"),
              <span key="subject" className={css.address}>
                {one.subject}
              </span>,
            ],
            [
              t("operate.events.stream"),
              <span key="stream" className={css.address}>
                {`${one.stream} · ${one.sequence}`}
              </span>,
            ],
            one.organizationId ? [t("operate.events.organization"), <code key="org">{one.organizationId}</code>] : null,
            [
              t("operate.events.request"),
              <span key="request" className={css.address}>
                {one.requestId}
              </span>,
            ],
          ]}
        />
        <Code text={pretty(one.payload)} title={t("operate.events.payload")} what={t("operate.events.payload")} />
        <div className={css.tags}>
          <Button size="xs" variant="default" onClick={() => onSearch({ subject: one.subject })}>
            {t("operate.audit.subject")}
          </Button>
          {one.organizationId && (
            <Button size="xs" variant="default" onClick={() => onSearch({ org: one.organizationId ?? undefined })}>
              {t("operate.audit.organization")}
            </Button>
          )}
          {one.audited && (
            <Button size="xs" variant="default" component="a" href={`/audit/${one.id}`}>
              {t("operate.events.audit")}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
