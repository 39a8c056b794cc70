import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { fetchQuery } from "react-relay/hooks";
import type { ReplayProgressQuery } from "#/relay/__generated__/ReplayProgressQuery.graphql.ts";
import { graphql, useRelayEnvironment } from "#/relay/index.ts";
import css from "./webhooks.module.css";

type Props = { id: string; at: string; onClose: () => void };
type Replay = NonNullable<NonNullable<ReplayProgressQuery["response"]["webhookEndpoint"]>["replay"]>;

const EVERY_MS = 1_000;

/** How far the replay is that began at a moment; asks until nothing waits any more. */
export function ReplayProgress({ id, at, onClose }: Props) {
  const { t } = useTranslation();
  const environment = useRelayEnvironment();
  const [replay, setReplay] = useState<Replay | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let running: { unsubscribe(): void };
    const later = () => {
      timer = setTimeout(ask, EVERY_MS);
    };
    const ask = () => {
      running = fetchQuery<ReplayProgressQuery>(
        environment,
        graphql`
          query ReplayProgressQuery($id: ID!, $at: Time!) {
            webhookEndpoint(id: $id) {
              replay(at: $at) {
                queued
                waiting
                succeeded
                failed
              }
            }
          }
        `,
        { id, at },
      ).subscribe({
        next: ({ webhookEndpoint }) => {
          setReplay(webhookEndpoint?.replay ?? null);
          if (webhookEndpoint?.replay?.waiting) later();
        },
        error: later, // offline or limited: what it is at is asked again
      });
    };
    ask();
    return () => {
      clearTimeout(timer);
      running.unsubscribe();
    };
  }, [environment, id, at]);
  if (!replay) return null;
  const done = replay.queued - replay.waiting;
  const words = t("webhooks.replay.progress", { done, count: replay.queued });
  return (
    <section className={css.replay} aria-label={t("webhooks.replay.running")}>
      <div>
        <strong>{t(replay.waiting > 0 ? "webhooks.replay.running" : "webhooks.replay.finished")}</strong>
        <span className="tabular" role={replay.waiting > 0 ? undefined : "status"}>
          {words}
          {replay.failed > 0 && ` · ${t("webhooks.replay.failed", { count: replay.failed })}`}
        </span>
        <Button size="compact-sm" variant="default" onClick={onClose}>
          {t("close")}
        </Button>
      </div>
      <progress value={done} max={replay.queued} aria-label={words} />
    </section>
  );
}
