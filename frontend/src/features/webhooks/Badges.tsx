import { useTranslation } from "react-i18next";
import { digits } from "#/i18n/index.ts";
import type { WebhookDeliveryState } from "#/relay/__generated__/Deliveries_row.graphql.ts";
import type { WebhookEndpointStatus } from "#/relay/__generated__/EndpointsTable_row.graphql.ts";
import { Status, type Tone } from "#/ui/Status.tsx";

const endpointTones: Record<WebhookEndpointStatus, Tone> = { ENABLED: "good", DISABLED: "none", AUTO_DISABLED: "bad" };

export function EndpointStatus({ status, size }: { status: WebhookEndpointStatus; size?: "lg" }) {
  const { t } = useTranslation();
  return (
    <Status tone={endpointTones[status]} size={size}>
      {t(`webhooks.status.${status}`)}
    </Status>
  );
}

export const deliveryTones: Record<WebhookDeliveryState, Tone> = {
  PENDING: "busy",
  WAITING_FOR_EARLIER: "none",
  RETRYING: "warn",
  SUCCEEDED: "good",
  FAILED: "bad",
  SKIPPED: "none",
};

export function DeliveryState({ state }: { state: WebhookDeliveryState }) {
  const { t } = useTranslation();
  return (
    <Status tone={deliveryTones[state]} busy={state === "PENDING" || state === "RETRYING"}>
      {t(`deliveries.state.${state}`)}
    </Status>
  );
}

/** Part of the last day's deliveries that arrived. */
export function Rate({ rate }: { rate: number | null | undefined }) {
  const { i18n } = useTranslation();
  if (rate === null || rate === undefined) return <span className="dim">–</span>;
  return (
    <span className="tabular">
      {new Intl.NumberFormat(digits(i18n.language), { style: "percent", maximumFractionDigits: 1 }).format(rate)}
    </span>
  );
}
