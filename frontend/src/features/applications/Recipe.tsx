import { useTranslation } from "react-i18next";
import type { RecipeTabQuery } from "#/relay/__generated__/RecipeTabQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { DataTable } from "#/ui/DataTable.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./applications.module.css";

/** What every customer of this application must have in DNS. */
export default function RecipeTab({ id }: { id: string }) {
  const { t } = useTranslation();
  const { application } = useLazyLoadQuery<RecipeTabQuery>(
    graphql`
      query RecipeTabQuery($id: ID!) {
        application(id: $id) {
          recipe {
            number
            name
            status
            publishedAt
            connectionsOnIt
            hosts
            records {
              key
              type
              purpose
              name
              value
              ttl
              requirement
              group
              appliesWhen
            }
          }
        }
      }
    `,
    { id },
    { fetchPolicy: "store-and-network" },
  );
  const recipe = application?.recipe;
  if (!recipe) return null;
  return (
    <div className="stack">
      <div className={css.recipeHead}>
        <strong>{t("apps.recipeName", { name: recipe.name, number: recipe.number })}</strong>
        <Status tone={recipe.status === "PUBLISHED" ? "good" : "none"}>{t(`apps.recipeStatus.${recipe.status}`)}</Status>
        <span className="dim">{t("apps.recipeCount", { count: recipe.connectionsOnIt })}</span>
        {recipe.publishedAt && (
          <span className="dim">
            {t("apps.published")} <RelativeTime at={recipe.publishedAt} />
          </span>
        )}
      </div>
      <DataTable
        caption={t("apps.recipe")}
        columns={[
          { key: "type", label: t("records.type") },
          { key: "name", label: t("records.part.name") },
          { key: "value", label: t("records.part.value") },
          { key: "purpose", label: t("records.purposeTitle") },
          { key: "ttl", label: t("records.part.ttl"), end: true },
        ]}
      >
        {recipe.records.map((record) => (
          <tr key={record.key}>
            <td data-label={t("records.type")}>
              <span className={css.type}>{record.type}</span>
            </td>
            <td data-label={t("records.part.name")} className="mono">
              {record.name}
            </td>
            <td data-label={t("records.part.value")} className={`mono ${css.value}`}>
              {record.value}
            </td>
            <td data-label={t("records.purposeTitle")}>
              {t(`records.purpose.${record.purpose}`)}
              <span className={css.sub}>
                {t(`records.requirement.${record.requirement}`)}
                {record.appliesWhen && ` · ${record.appliesWhen}`}
              </span>
            </td>
            <td data-label={t("records.part.ttl")} data-end className="tabular">
              {record.ttl}
            </td>
          </tr>
        ))}
      </DataTable>
    </div>
  );
}
