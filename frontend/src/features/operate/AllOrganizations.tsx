import { Button, Checkbox } from "@mantine/core";
import { IconBuilding } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { AllOrganizations_query$key } from "#/relay/__generated__/AllOrganizations_query.graphql.ts";
import type { AllOrganizationsMoreQuery } from "#/relay/__generated__/AllOrganizationsMoreQuery.graphql.ts";
import type { AllOrganizationsRestoreMutation } from "#/relay/__generated__/AllOrganizationsRestoreMutation.graphql.ts";
import { graphql, useAction, usePaginationFragment } from "#/relay/index.ts";
import { DataTable } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { Find } from "#/ui/Find.tsx";
import { More } from "#/ui/More.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./operate.module.css";
import { ReasonDialog } from "./ReasonDialog.tsx";

type Search = { q?: string; deleted?: true };
type Props = { query: AllOrganizations_query$key; search: Search; onSearch: (next: Search) => void };

/** Every tenant of the installation; what was deleted lately can be brought back. */
export function AllOrganizations({ query, search, onSearch }: Props) {
  const { t } = useTranslation();
  const [restoring, setRestoring] = useState<{ id: string; name: string } | null>(null);
  const mayRestore = useCan("organization.restore");
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<AllOrganizationsMoreQuery, AllOrganizations_query$key>(
    graphql`
      fragment AllOrganizations_query on Query
      @refetchable(queryName: "AllOrganizationsMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        opsOrganizations(filter: $filter, first: $first, after: $after)
          @connection(key: "AllOrganizations_opsOrganizations", filters: ["filter"]) {
          totalCount
          edges {
            node {
              id
              name
              slug
              ownership
              createdAt
              deletedAt
            }
          }
        }
      }
    `,
    query,
  );
  const restore = useAction<AllOrganizationsRestoreMutation>(
    graphql`
      mutation AllOrganizationsRestoreMutation($id: ID!, $reason: String!) {
        opsRestoreOrganization(id: $id, reason: $reason) {
          id
          deletedAt
          version
        }
      }
    `,
    {
      onDone: () => {
        toast(t("operate.organizations.restored", { name: restoring?.name }));
        setRestoring(null);
      },
    },
  );
  const rows = data.opsOrganizations.edges.map((edge) => edge.node);
  return (
    <div className="stack">
      <div className={css.bar}>
        <Checkbox
          size="xs"
          label={t("operate.organizations.onlyDeleted")}
          checked={search.deleted === true}
          onChange={(event) => onSearch({ ...search, deleted: event.currentTarget.checked || undefined })}
        />
        <span className={css.count} role="status">
          {t("operate.organizations.count", { count: data.opsOrganizations.totalCount ?? rows.length })}
        </span>
        <Find label={t("operate.organizations.find")} value={search.q} onFind={(q) => onSearch({ ...search, q })} className={css.search} />
      </div>
      {rows.length === 0 ? (
        <Empty
          icon={<IconBuilding size={22} />}
          title={t("operate.organizations.empty")}
          actions={
            <Button variant="default" onClick={() => onSearch({})}>
              {t("list.clear")}
            </Button>
          }
        >
          {t("operate.people.empty.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("operate.nav.organizations")}
          columns={[
            { key: "name", label: t("operate.column.name") },
            { key: "state", label: t("operate.column.state") },
            { key: "since", label: t("operate.column.since") },
            { key: "menu", label: t("operate.more"), hidden: true, end: true },
          ]}
        >
          {rows.map((one) => (
            <tr key={one.id}>
              <td data-wide>
                <span className={css.who}>
                  <span>{one.name}</span>
                  <span className="mono">{one.slug}</span>
                </span>
              </td>
              <td data-label={t("operate.column.state")}>
                <Status tone={one.deletedAt ? "bad" : "good"}>
                  {t(one.deletedAt ? "operate.organizations.deleted" : "operate.organizations.alive")}
                </Status>{" "}
                {one.deletedAt && <RelativeTime at={one.deletedAt} />}
              </td>
              <td data-label={t("operate.column.since")}>
                <RelativeTime at={one.createdAt} />
              </td>
              <td data-end>
                {one.deletedAt && mayRestore && (
                  <Button size="compact-sm" variant="default" data-row-link onClick={() => setRestoring(one)}>
                    {t("operate.organizations.restore")}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
      {restoring && (
        <ReasonDialog
          title={t("operate.organizations.restoreTitle", { name: restoring.name })}
          action={t("operate.organizations.restore")}
          pending={restore.pending}
          failed={restore.failed}
          onClose={() => {
            setRestoring(null);
            restore.clear();
          }}
          onConfirm={(reason) => restore.run({ id: restoring.id, reason })}
        >
          {t("operate.organizations.restoreText")}
        </ReasonDialog>
      )}
    </div>
  );
}
