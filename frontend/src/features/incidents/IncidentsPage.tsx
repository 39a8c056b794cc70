import { useTranslation } from "react-i18next";
import css from "#/features/domains/domains.module.css";
import type { IncidentsTable_query$key } from "#/relay/__generated__/IncidentsTable_query.graphql.ts";
import { PageHeader } from "#/ui/Page.tsx";
import { IncidentsTable } from "./IncidentsTable.tsx";

type Props = {
  organization: { id: string; slug: string };
  past: boolean;
  onPast: (past: boolean) => void;
  query: IncidentsTable_query$key;
};

/** What is wrong with domains that were live, and what was. */
export function IncidentsPage({ organization, past, onPast, query }: Props) {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader tab={t("nav.incidents")} title={t("nav.incidents")} text={t("incidents.text")} />
      <IncidentsTable key={String(past)} organization={organization} past={past} query={query}>
        <div className={css.views} role="group" aria-label={t("domains.column.state")}>
          <button type="button" aria-pressed={!past} onClick={() => onPast(false)}>
            {t("incidents.open")}
          </button>
          <button type="button" aria-pressed={past} onClick={() => onPast(true)}>
            {t("incidents.past")}
          </button>
        </div>
      </IncidentsTable>
    </>
  );
}
