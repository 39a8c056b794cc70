import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ApprovalList, type Shown } from "#/features/operate/ApprovalList.tsx";
import type { ApprovalFilter, ApprovalsListQuery } from "#/relay/__generated__/ApprovalsListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query ApprovalsListQuery($filter: ApprovalFilter) {
    ...ApprovalList_query
  }
`;

const filters: Record<Shown, ApprovalFilter> = { forMe: { forMe: true }, mine: { mine: true }, all: {} };

export const Route = createFileRoute("/approvals/")({
  staticData: { texts: ["operate"] },
  validateSearch: (search: Record<string, unknown>): { list?: "mine" | "all" } => ({
    list: search.list === "mine" || search.list === "all" ? search.list : undefined,
  }),
  loaderDeps: ({ search }) => search,
  loader: ({ deps }) => preload<ApprovalsListQuery>(query, { filter: filters[deps.list ?? "forMe"] }),
  component: function Approvals() {
    const { t } = useTranslation();
    const data = usePreloaded<ApprovalsListQuery>(query, Route.useLoaderData());
    const { list } = Route.useSearch();
    const navigate = Route.useNavigate();
    return (
      <>
        <PageHeader tab={t("operate.nav.approvals")} title={t("operate.nav.approvals")} text={t("operate.approvals.text")} />
        <ApprovalList
          query={data}
          shown={list ?? "forMe"}
          onShow={(next) => void navigate({ search: { list: next === "forMe" ? undefined : next }, resetScroll: false })}
        />
      </>
    );
  },
});
