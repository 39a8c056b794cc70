import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { createFileRoute } from "@tanstack/react-router";
import i18next from "i18next";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { AuditTable } from "#/features/audit/AuditTable.tsx";
import { filterOf, readSearch } from "#/features/audit/search.ts";
import type { AuditListQuery } from "#/relay/__generated__/AuditListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";

const ExportDialog = lazy(() => import("#/features/audit/ExportDialog.tsx"));

const query = graphql`
  query AuditListQuery($filter: AuditFilter, $locale: String) {
    ...AuditTable_query
  }
`;

export const Route = createFileRoute("/$org/audit")({
  staticData: { texts: ["audit"] },
  validateSearch: readSearch,
  loaderDeps: ({ search: { row: _, ...rest } }) => rest,
  loader: ({ context, deps }) =>
    preload<AuditListQuery>(query, { filter: filterOf(context.organization.id, deps), locale: i18next.language }),
  component: function Audit() {
    const { t } = useTranslation();
    const data = usePreloaded<AuditListQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const search = Route.useSearch();
    const navigate = Route.useNavigate();
    const may = useCan("audit.export");
    const [exporting, setExporting] = useState(false);
    return (
      <>
        <PageHeader
          tab={t("nav.audit")}
          title={t("nav.audit")}
          text={t("audit.text", { organization: organization.name })}
          actions={
            may && (
              <Button variant="default" leftSection={<IconDownload size={16} />} onClick={() => setExporting(true)}>
                {t("audit.export.action")}
              </Button>
            )
          }
        />
        <AuditTable
          organizationId={organization.id}
          query={data}
          search={search}
          onSearch={(next) => void navigate({ search: next, replace: true, resetScroll: false })}
        />
        {exporting && (
          <Suspense>
            <ExportDialog organizationId={organization.id} search={search} onClose={() => setExporting(false)} />
          </Suspense>
        )}
      </>
    );
  },
});
