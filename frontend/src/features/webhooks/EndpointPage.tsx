import { Button, Menu } from "@mantine/core";
import { IconChevronLeft, IconDots, IconSend } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { EndpointPage_endpoint$key } from "#/relay/__generated__/EndpointPage_endpoint.graphql.ts";
import type { EndpointPageDeleteMutation } from "#/relay/__generated__/EndpointPageDeleteMutation.graphql.ts";
import type { EndpointPageSwitchMutation } from "#/relay/__generated__/EndpointPageSwitchMutation.graphql.ts";
import type { EndpointPageTestMutation } from "#/relay/__generated__/EndpointPageTestMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { visited } from "#/shell/recent.ts";
import { Part } from "#/shell/States.tsx";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { PageHeader } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { exact, RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import { EndpointStatus, Rate } from "./Badges.tsx";
import { Deliveries } from "./Deliveries.tsx";
import { ReplayProgress } from "./ReplayProgress.tsx";
import { Sparkline } from "./Sparkline.tsx";
import css from "./webhooks.module.css";

const EndpointForm = lazy(() => import("./EndpointForm.tsx"));
const RotateDialog = lazy(() => import("./RotateDialog.tsx"));
const ReplayDialog = lazy(() => import("./ReplayDialog.tsx"));
const EnableDialog = lazy(() => import("./EnableDialog.tsx"));

/** `replay` is when the replay began whose progress is shown; it survives a reload. */
export type DeliveriesSearch = { state?: string; topic?: string; delivery?: string; replay?: string };

type Props = {
  org: string;
  organizationId: string;
  endpoint: EndpointPage_endpoint$key;
  search: DeliveriesSearch;
  onSearch: (next: DeliveriesSearch) => void;
  onGone: () => void;
};

/** One endpoint: its health, and every delivery as it happens. */
export function EndpointPage({ org, organizationId, endpoint, search, onSearch, onGone }: Props) {
  const { t, i18n } = useTranslation();
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [asked, setAsked] = useState<"rotate" | "replay" | "enable" | null>(null);
  const may = useCan("webhook.write");
  const mayReplay = useCan("webhook.replay");
  const data = useFragment(
    graphql`
      fragment EndpointPage_endpoint on WebhookEndpoint {
        id
        version
        url
        description
        topics
        status
        disabledReason
        ordered
        apiVersion
        secretHint
        previousSecretUntil
        disabledAt
        successRate24h
        p95Ms
        pending
        oldestPendingSeconds
        hours {
          at
          attempts
          succeeded
        }
        application {
          name
        }
        ...EndpointForm_endpoint
      }
    `,
    endpoint,
  );
  const test = useAction<EndpointPageTestMutation>(
    graphql`
      mutation EndpointPageTestMutation($id: ID!) {
        sendTestWebhook(id: $id) {
          id
        }
      }
    `,
    { onDone: () => toast(t("webhooks.tested")) },
  );
  const toggle = useAction<EndpointPageSwitchMutation>(graphql`
    mutation EndpointPageSwitchMutation($input: UpdateWebhookEndpointInput!) {
      updateWebhookEndpoint(input: $input) {
        endpoint {
          id
          ...EndpointPage_endpoint
        }
      }
    }
  `);
  const remove = useAction<EndpointPageDeleteMutation>(
    graphql`
      mutation EndpointPageDeleteMutation($id: ID!) {
        deleteWebhookEndpoint(id: $id) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        visited({ path: `/${org}/webhooks`, label: t("nav.webhooks") });
        toast(t("webhooks.deleted"));
        onGone();
      },
    },
  );
  const enabled = data.status === "ENABLED";
  const failed = test.failed ?? toggle.failed;
  const started = (at: string) => {
    setAsked(null);
    onSearch({ ...search, replay: at });
  };
  return (
    <>
      <PageHeader
        tab={`${data.description || data.url} · ${t("nav.webhooks")}`}
        crumbs={
          <Link to="/$org/webhooks" params={{ org }}>
            <IconChevronLeft size={14} aria-hidden />
            {t("nav.webhooks")}
          </Link>
        }
        title={data.description || new URL(data.url).host}
        text={<span className={css.url}>{data.url}</span>}
        actions={
          may && (
            <>
              <Button
                variant="default"
                leftSection={<IconSend size={15} />}
                loading={test.pending}
                disabled={test.wait > 0}
                onClick={() => test.run({ id: data.id })}
              >
                {test.wait > 0 ? t("wait", { seconds: test.wait }) : t("webhooks.test")}
              </Button>
              <Button variant="default" onClick={() => setEditing(true)} data-shortcut="e">
                {t("webhooks.edit")}
              </Button>
              <Menu position="bottom-end">
                <Menu.Target>
                  <Button variant="default" px={9} aria-label={t("webhooks.more")}>
                    <IconDots size={17} />
                  </Button>
                </Menu.Target>
                <Menu.Dropdown>
                  {mayReplay && enabled && <Menu.Item onClick={() => setAsked("replay")}>{t("webhooks.replay.open")}</Menu.Item>}
                  <Menu.Item onClick={() => setAsked("rotate")}>{t("webhooks.rotate.open")}</Menu.Item>
                  <Menu.Item
                    onClick={() =>
                      enabled ? toggle.run({ input: { id: data.id, version: data.version, status: "DISABLED" } }) : setAsked("enable")
                    }
                  >
                    {t(enabled ? "webhooks.disable" : "webhooks.enable")}
                  </Menu.Item>
                  <Menu.Item color="red.9" onClick={() => setDeleting(true)}>
                    {t("webhooks.delete")}
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            </>
          )
        }
      />
      {failed && (
        <div className={css.failed}>
          <ErrorCard problem={failed} />
        </div>
      )}
      {!enabled && (
        <div className={css.stopped} data-bad={data.status === "AUTO_DISABLED" || undefined}>
          <span>
            <strong>{t(`webhooks.stopped.${data.disabledReason ?? "by_hand"}`)}</strong> {t("webhooks.stopped.text")}
          </span>
          {may && (
            <Button size="xs" onClick={() => setAsked("enable")}>
              {t("webhooks.enable")}
            </Button>
          )}
        </div>
      )}
      {search.replay && <ReplayProgress id={data.id} at={search.replay} onClose={() => onSearch({ ...search, replay: undefined })} />}
      <dl className={css.health}>
        <div>
          <dt>{t("domains.column.state")}</dt>
          <dd>
            <EndpointStatus status={data.status} />
            {data.disabledAt && (
              <span className={css.sub}>
                <RelativeTime at={data.disabledAt} />
              </span>
            )}
          </dd>
        </div>
        <div>
          <dt>{t("webhooks.health.title")}</dt>
          <dd>
            <Sparkline hours={data.hours} />
          </dd>
        </div>
        <div>
          <dt>{t("webhooks.column.rate")}</dt>
          <dd>
            <Rate rate={data.successRate24h} />
          </dd>
        </div>
        <div>
          <dt>{t("webhooks.column.p95")}</dt>
          <dd className="tabular">{data.p95Ms === null || data.p95Ms === undefined ? "–" : `${data.p95Ms} ms`}</dd>
        </div>
        <div>
          <dt>{t("webhooks.column.pending")}</dt>
          <dd className="tabular">
            {data.pending}
            {typeof data.oldestPendingSeconds === "number" && data.oldestPendingSeconds >= 60 && (
              <span className={css.sub}>{t("webhooks.health.oldest", { count: Math.floor(data.oldestPendingSeconds / 60) })}</span>
            )}
          </dd>
        </div>
        <div>
          <dt>{t("webhooks.signing")}</dt>
          <dd>
            <span className="mono">{data.secretHint}</span>
            {data.previousSecretUntil && (
              <span className={css.sub}>{t("webhooks.rotate.until", { time: exact(data.previousSecretUntil, i18n.language) })}</span>
            )}
          </dd>
        </div>
        <div>
          <dt>{t("webhooks.column.topics")}</dt>
          <dd className={css.topicTags}>
            {data.topics.map((topic) => (
              <code key={topic} className={css.topic}>
                {topic}
              </code>
            ))}
          </dd>
        </div>
      </dl>
      <Part what={t("deliveries.title")}>
        <Deliveries endpointId={data.id} search={search} onSearch={(next) => onSearch({ replay: search.replay, ...next })} />
      </Part>
      {editing && (
        <Suspense>
          <EndpointForm organizationId={organizationId} endpoint={data} onClose={() => setEditing(false)} />
        </Suspense>
      )}
      <Suspense>
        {asked === "rotate" && <RotateDialog id={data.id} onClose={() => setAsked(null)} />}
        {asked === "replay" && <ReplayDialog id={data.id} onClose={() => setAsked(null)} onStarted={started} />}
        {asked === "enable" && <EnableDialog id={data.id} onClose={() => setAsked(null)} onStarted={started} />}
      </Suspense>
      <Confirm
        opened={deleting}
        onClose={() => setDeleting(false)}
        title={t("webhooks.deleteTitle")}
        action={t("webhooks.delete")}
        pending={remove.pending}
        onConfirm={() => remove.run({ id: data.id })}
        failure={remove.failed && <ErrorCard problem={remove.failed} />}
      >
        {t("webhooks.deleteText", { count: data.pending })}
      </Confirm>
    </>
  );
}
