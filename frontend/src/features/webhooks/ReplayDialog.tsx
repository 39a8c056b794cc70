import { Button, Checkbox, NativeSelect } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ReplayDialogMutation } from "#/relay/__generated__/ReplayDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./webhooks.module.css";

const HOUR = 3_600_000;
const spans = [1, 24, 72, 168, 720];

type Props = { id: string; onClose: () => void; onStarted: (at: string) => void };

/** Sends everything since a moment again. */
export default function ReplayDialog({ id, onClose, onStarted }: Props) {
  const { t } = useTranslation();
  const [hours, setHours] = useState(24);
  const [all, setAll] = useState(false);
  const [none, setNone] = useState(false);
  const replay = useAction<ReplayDialogMutation>(
    graphql`
      mutation ReplayDialogMutation($endpointId: ID!, $window: TimeWindow!, $states: [WebhookDeliveryState!]) {
        replayDeliveries(endpointId: $endpointId, window: $window, states: $states) {
          queued
          replay {
            at
          }
        }
      }
    `,
    {
      onDone: ({ replayDeliveries: { replay } }) => {
        if (replay) onStarted(replay.at);
        setNone(!replay);
      },
    },
  );
  return (
    <Dialog opened onClose={onClose} title={t("webhooks.replay.title")}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          const now = Date.now();
          const window = { from: new Date(now - hours * HOUR).toISOString(), to: new Date(now + HOUR).toISOString() };
          void replay.run({ endpointId: id, window, states: all ? ["FAILED", "SKIPPED", "SUCCEEDED"] : ["FAILED", "SKIPPED"] });
        }}
      >
        <p className="dim">{t("webhooks.replay.text")}</p>
        <NativeSelect
          label={t("webhooks.replay.since")}
          value={String(hours)}
          onChange={(event) => {
            setHours(Number(event.currentTarget.value));
            setNone(false);
          }}
          data={spans.map((count) => ({
            value: String(count),
            label: count < 72 ? t("webhooks.replay.hours", { count }) : t("webhooks.replay.days", { count: count / 24 }),
          }))}
        />
        <Checkbox
          label={t("webhooks.replay.all")}
          description={t("webhooks.replay.allHint")}
          checked={all}
          onChange={(event) => {
            setAll(event.currentTarget.checked);
            setNone(false);
          }}
        />
        {none && <p role="status">{t("webhooks.replay.none")}</p>}
        {replay.failed && <ErrorCard problem={replay.failed} />}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={replay.pending} disabled={replay.wait > 0}>
            {replay.wait > 0 ? t("wait", { seconds: replay.wait }) : t("webhooks.replay.do")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
