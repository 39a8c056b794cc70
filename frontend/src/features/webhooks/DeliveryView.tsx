import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { DeliveryView_delivery$data, DeliveryView_delivery$key } from "#/relay/__generated__/DeliveryView_delivery.graphql.ts";
import type { DeliveryViewQuery } from "#/relay/__generated__/DeliveryViewQuery.graphql.ts";
import type { DeliveryViewReplayMutation } from "#/relay/__generated__/DeliveryViewReplayMutation.graphql.ts";
import { graphql, useAction, useFragment, useLazyLoadQuery } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import { Code, pretty } from "#/ui/Code.tsx";
import { Dialog } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { exact } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import { toast } from "#/ui/toast.ts";
import { DeliveryState } from "./Badges.tsx";
import css from "./webhooks.module.css";

type Props = { id: string; onClose: () => void };

/** One delivery: what was sent, what came back, each time. */
export default function DeliveryView(props: Props) {
  const { t } = useTranslation();
  return (
    <Dialog opened onClose={props.onClose} title={t("deliveries.one")} size={1080}>
      <Part what={t("deliveries.one")}>
        <Load id={props.id} />
      </Part>
    </Dialog>
  );
}

function Load({ id }: Pick<Props, "id">) {
  const { t } = useTranslation();
  const { node } = useLazyLoadQuery<DeliveryViewQuery>(
    graphql`
      query DeliveryViewQuery($id: ID!) {
        node(id: $id) {
          ...DeliveryView_delivery @alias(as: "delivery")
        }
      }
    `,
    { id },
    { fetchPolicy: "store-and-network" },
  );
  return node?.delivery ? <View delivery={node.delivery} /> : <p className="dim">{t("notFound.text")}</p>;
}

function View({ delivery }: { delivery: DeliveryView_delivery$key }) {
  const { t } = useTranslation();
  const may = useCan("webhook.replay");
  const data = useFragment(
    graphql`
      fragment DeliveryView_delivery on WebhookDelivery {
        id
        topic
        eventId
        state
        payload
        replayOf
        attempts {
          n
          at
          latencyMs
          resolvedIp
          status
          error
          requestHeaders
          responseHeaders
          responseBody
        }
      }
    `,
    delivery,
  );
  const replay = useAction<DeliveryViewReplayMutation>(
    graphql`
      mutation DeliveryViewReplayMutation($id: ID!) {
        replayDelivery(id: $id) {
          id
        }
      }
    `,
    { onDone: () => toast(t("deliveries.replayed")) },
  );
  return (
    <div className="stack">
      <div className={css.deliveryHead}>
        <code className={css.name}>{data.topic}</code>
        <DeliveryState state={data.state} />
        <span className={css.sub}>{data.eventId}</span>
        {may && (
          <Button size="xs" loading={replay.pending} disabled={replay.wait > 0} onClick={() => replay.run({ id: data.id })}>
            {replay.wait > 0 ? t("wait", { seconds: replay.wait }) : t("deliveries.doReplay")}
          </Button>
        )}
      </div>
      {replay.failed && <ErrorCard problem={replay.failed} />}
      {data.attempts.length === 0 && <Code title={t("deliveries.payload")} text={pretty(data.payload)} what={t("deliveries.payload")} />}
      <h3 className={css.h3}>{t("deliveries.attempts")}</h3>
      {data.attempts.length === 0 && <p className="dim">{t("deliveries.noAttempt")}</p>}
      {data.attempts.toReversed().map((attempt, i) => (
        <Attempt key={attempt.n} attempt={attempt} sent={pretty(data.payload)} open={i === 0} />
      ))}
    </div>
  );
}

function headers(value: unknown): string {
  const all = (typeof value === "object" && value ? value : {}) as Record<string, unknown>;
  return Object.entries(all)
    .map(([name, text]) => `${name}: ${Array.isArray(text) ? text.join(", ") : String(text)}`)
    .join("\n");
}

type AttemptProps = { attempt: DeliveryView_delivery$data["attempts"][number]; sent: string; open: boolean };

/** What was sent stands beside what came back. */
function Attempt({ attempt, sent, open }: AttemptProps) {
  const { t, i18n } = useTranslation();
  const good = attempt.status ? attempt.status >= 200 && attempt.status < 300 : false;
  return (
    <details className={css.attempt} open={open}>
      <summary>
        <span className="tabular">#{attempt.n}</span>
        <Status tone={good ? "good" : "bad"}>{attempt.status ?? t("deliveries.noAnswer")}</Status>
        <span className="dim">{attempt.error}</span>
        <span className={css.sub}>
          {[exact(attempt.at, i18n.language), attempt.resolvedIp, attempt.latencyMs !== null && `${attempt.latencyMs} ms`]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </summary>
      <div className={css.exchange}>
        <Code
          title={t("deliveries.request")}
          text={attempt.requestHeaders ? `${headers(attempt.requestHeaders)}\n\n${sent}` : "–"}
          what={t("deliveries.request")}
        />
        <Code
          title={t("deliveries.response")}
          text={[headers(attempt.responseHeaders), attempt.responseBody].filter(Boolean).join("\n\n") || "–"}
          what={t("deliveries.response")}
        />
      </div>
    </details>
  );
}
