import { Tabs } from "@mantine/core";
import { IconChevronLeft } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { MonitoringOff } from "#/features/incidents/MonitoringOff.tsx";
import type { AppPage_application$key } from "#/relay/__generated__/AppPage_application.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { visited } from "#/shell/recent.ts";
import { Part } from "#/shell/States.tsx";
import { PageHeader } from "#/ui/Page.tsx";
import { Environment } from "./AppsGrid.tsx";
import { type AppTab, appTabs } from "./address.ts";
import css from "./applications.module.css";
import { Overview } from "./Overview.tsx";

const WidgetTab = lazy(() => import("./WidgetTab.tsx"));
const RecipeTab = lazy(() => import("./Recipe.tsx"));
const SettingsTab = lazy(() => import("./AppSettings.tsx"));

type Props = {
  org: string;
  application: AppPage_application$key;
  tab: AppTab;
  onTab: (tab: AppTab) => void;
  onGone: () => void;
  /** Parts that belong to other features; the route brings them. */
  domains: ReactNode;
  keys: ReactNode;
};

export function AppPage({ org, application, tab, onTab, onGone, domains, keys }: Props) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment AppPage_application on Application {
        id
        name
        environment
        archivedAt
        ...MonitoringOff_application
        ...Overview_application
      }
    `,
    application,
  );
  useEffect(() => visited({ path: `/${org}/apps/${data.id}`, label: data.name }), [org, data.id, data.name]);
  const panels: Record<AppTab, ReactNode> = {
    overview: <Overview org={org} application={data} onTab={onTab} />,
    domains,
    widget: <WidgetTab id={data.id} />,
    dns: <RecipeTab id={data.id} />,
    keys,
    settings: <SettingsTab id={data.id} onArchived={onGone} />,
  };
  return (
    <>
      <PageHeader
        tab={`${data.name} · ${t("nav.apps")}`}
        crumbs={
          <Link to="/$org/apps" params={{ org }}>
            <IconChevronLeft size={14} aria-hidden />
            {t("nav.apps")}
          </Link>
        }
        title={
          <span className={css.title}>
            {data.name} <Environment environment={data.environment} />
          </span>
        }
      />
      <MonitoringOff application={data} />
      <Tabs value={tab} onChange={(value) => onTab(value as AppTab)} keepMounted={false}>
        <Tabs.List mb="xl">
          {appTabs.map((key) => (
            <Tabs.Tab key={key} value={key} data-shortcut={key === "settings" ? "e" : undefined}>
              {t(`apps.tab.${key}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {appTabs.map((key) => (
          <Tabs.Panel key={key} value={key}>
            {key === tab && <Part what={t(`apps.tab.${key}`)}>{panels[key]}</Part>}
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
  );
}
