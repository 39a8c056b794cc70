import { Tabs } from "@mantine/core";
import { IconChevronLeft } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { MonitoringOff } from "#/features/incidents/MonitoringOff.tsx";
import type { DomainPage_connection$key } from "#/relay/__generated__/DomainPage_connection.graphql.ts";
import type { DomainPageFeedSubscription } from "#/relay/__generated__/DomainPageFeedSubscription.graphql.ts";
import { graphql, useFeed, useFragment } from "#/relay/index.ts";
import { visited } from "#/shell/recent.ts";
import { Part } from "#/shell/States.tsx";
import { type Tab, tabs } from "./address.ts";
import { Header } from "./Header.tsx";
import { Setup } from "./Setup.tsx";

const DomainIncidents = lazy(() => import("#/features/incidents/DomainIncidents.tsx"));
const Certificate = lazy(() => import("./Certificate.tsx"));
const Activity = lazy(() => import("./Activity.tsx"));
const Settings = lazy(() => import("./Settings.tsx"));

type Props = { org: string; connection: DomainPage_connection$key; tab: Tab; onTab: (tab: Tab) => void; onGone: () => void };

/** One connection: where it stands, what is missing, what happened. */
export function DomainPage({ org, connection, tab, onTab, onGone }: Props) {
  const { t, i18n } = useTranslation();
  const data = useFragment(
    graphql`
      fragment DomainPage_connection on Connection {
        id
        version
        hostname
        state
        firstLiveAt
        application {
          organization {
            id
          }
          ...MonitoringOff_application
        }
        ...Header_connection
        ...Setup_connection
      }
    `,
    connection,
  );
  const version = useRef(data.version);
  version.current = Math.max(version.current, data.version);
  const feed = useFeed<DomainPageFeedSubscription>({
    subscription: graphql`
      subscription DomainPageFeedSubscription($id: ID!, $locale: String) {
        connectionProgress(id: $id) {
          id
          version
          ...DomainPage_connection
          ...Certificate_connection
        }
      }
    `,
    variables: { id: data.id, locale: i18n.language },
    accept: (message) => message.connectionProgress.version >= version.current,
  });
  useEffect(() => visited({ path: `/${org}/domains/${data.id}`, label: data.hostname }), [org, data.id, data.hostname]);

  return (
    <>
      <Header
        connection={data}
        feed={feed}
        crumbs={
          <Link to="/$org/domains" params={{ org }}>
            <IconChevronLeft size={14} aria-hidden />
            {t("nav.domains")}
          </Link>
        }
      />
      <MonitoringOff application={data.application} />
      {data.firstLiveAt && data.state !== "ARCHIVED" && (
        <Suspense>
          <DomainIncidents id={data.id} organizationId={data.application.organization.id} onPutBack={() => onTab("setup")} />
        </Suspense>
      )}
      <Tabs value={tab} onChange={(value) => onTab(value as Tab)} keepMounted={false}>
        <Tabs.List mb="xl">
          {tabs.map((key) => (
            <Tabs.Tab key={key} value={key} data-shortcut={key === "settings" ? "e" : undefined}>
              {t(`domain.tab.${key}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="setup">
          <Setup connection={data} />
        </Tabs.Panel>
        <Tabs.Panel value="certificate">
          <Part what={t("domain.tab.certificate")}>
            <Certificate id={data.id} />
          </Part>
        </Tabs.Panel>
        <Tabs.Panel value="activity">
          <Part what={t("domain.tab.activity")}>
            <Activity id={data.id} />
          </Part>
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <Part what={t("domain.tab.settings")}>
            <Settings id={data.id} onArchived={onGone} />
          </Part>
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
