import { createFileRoute } from "@tanstack/react-router";
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { CertificatesTable } from "#/features/certificates/CertificatesTable.tsx";
import type { CertificatesListQuery } from "#/relay/__generated__/CertificatesListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query CertificatesListQuery($organizationId: ID!, $atRisk: Boolean!, $locale: String) {
    ...CertificatesTable_query
  }
`;

export const Route = createFileRoute("/$org/certificates")({
  staticData: { texts: ["domains"] },
  validateSearch: (search: Record<string, unknown>): { risk?: true } => ({ risk: search.risk ? true : undefined }),
  loaderDeps: ({ search: { risk } }) => ({ risk }),
  loader: ({ context, deps }) =>
    preload<CertificatesListQuery>(query, {
      organizationId: context.organization.id,
      atRisk: deps.risk ?? false,
      locale: i18next.language,
    }),
  component: function Certificates() {
    const { t } = useTranslation();
    const data = usePreloaded<CertificatesListQuery>(query, Route.useLoaderData());
    const { organization } = Route.useRouteContext();
    const { risk } = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("nav.certificates")} title={t("nav.certificates")} text={t("certificates.text")} />
        <CertificatesTable
          organization={organization}
          query={data}
          atRisk={risk ?? false}
          onRisk={(next) => void navigate({ search: { risk: next || undefined }, resetScroll: false })}
        />
      </>
    );
  },
});
