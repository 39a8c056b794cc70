import { Button, NativeSelect } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { DomainsTable_query$key } from "#/relay/__generated__/DomainsTable_query.graphql.ts";
import { Find } from "#/ui/Find.tsx";
import { LiveDot, PageHeader } from "#/ui/Page.tsx";
import { ApplicationFilter } from "./ApplicationSelect.tsx";
import { type DomainsSearch, orders } from "./address.ts";
import { type Counts, DomainsTable } from "./DomainsTable.tsx";
import css from "./domains.module.css";
import { type View, views } from "./states.ts";

const ConnectDialog = lazy(() => import("./ConnectDialog.tsx"));

type Props = {
  organization: { id: string; slug: string };
  search: DomainsSearch;
  onSearch: (next: DomainsSearch, replace?: boolean) => void;
  query: DomainsTable_query$key;
  /** What there is to do before the list has anything. */
  first?: ReactNode;
};

export function DomainsPage({ organization, search, onSearch, query, first }: Props) {
  const { t } = useTranslation();
  const [counts, setCounts] = useState<Counts | null>(null);
  const view = search.view ?? "all";

  const connect = () => onSearch({ ...search, connect: true });
  const count = (of: View) => counts && views[of].reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return (
    <>
      <PageHeader
        tab={t("nav.domains")}
        title={t("nav.domains")}
        text={t("domains.text")}
        actions={
          <Button leftSection={<IconPlus size={16} />} onClick={connect} data-shortcut="c">
            {t("nav.connect")}
          </Button>
        }
      />
      {first}
      <DomainsTable
        org={organization.slug}
        organizationId={organization.id}
        applicationId={search.app}
        states={views[view]}
        filtered={Boolean(search.q)}
        query={query}
        onConnect={connect}
        onClear={() => onSearch({})}
        onCounts={setCounts}
      >
        {(feed) => (
          <div className={css.bar}>
            <div className={css.views} role="group" aria-label={t("domains.column.state")}>
              {(Object.keys(views) as View[]).map((key) => (
                <button
                  key={key}
                  type="button"
                  aria-pressed={view === key}
                  onClick={() => onSearch({ ...search, view: key === "all" ? undefined : key })}
                >
                  {t(`domains.view.${key}`)}
                  {count(key) ? <span className="tabular">{count(key)}</span> : null}
                </button>
              ))}
            </div>
            <LiveDot state={feed} label={t(`live.${feed}`)} />
            <div className={css.tools}>
              <Find
                label={t("domains.find")}
                value={search.q}
                onFind={(q) => onSearch({ ...search, q }, true)}
                maxLength={254}
                className={css.search}
              />
              <Suspense>
                <ApplicationFilter organizationId={organization.id} value={search.app} onChange={(app) => onSearch({ ...search, app })} />
              </Suspense>
              <NativeSelect
                aria-label={t("list.order")}
                value={search.order ?? "newest"}
                data={orders.map((value) => ({ value, label: t(`domains.order.${value}`) }))}
                onChange={({ currentTarget: { value } }) =>
                  onSearch({ ...search, order: value === "newest" ? undefined : (value as DomainsSearch["order"]) })
                }
                w={170}
              />
            </div>
          </div>
        )}
      </DomainsTable>
      {search.connect && (
        <Suspense>
          <ConnectDialog
            organization={organization}
            applicationId={search.app}
            onClose={() => onSearch({ ...search, connect: undefined }, true)}
          />
        </Suspense>
      )}
    </>
  );
}
