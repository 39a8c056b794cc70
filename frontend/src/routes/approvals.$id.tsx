import { IconChevronLeft } from "@tabler/icons-react";
import { createFileRoute, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ApprovalCard } from "#/features/operate/ApprovalCard.tsx";
import type { ApprovalDetailQuery } from "#/relay/__generated__/ApprovalDetailQuery.graphql.ts";
import type { ApprovalDetailSubscription } from "#/relay/__generated__/ApprovalDetailSubscription.graphql.ts";
import { graphql, preload, useFeed, usePreloaded } from "#/relay/index.ts";
import { NotFound } from "#/shell/States.tsx";
import { LiveDot, PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query ApprovalDetailQuery($id: ID!) {
    approvalRequest(id: $id) {
      number
      ...ApprovalCard_request
    }
  }
`;

const feed = graphql`
  subscription ApprovalDetailSubscription($id: ID) {
    approvalChanged(id: $id) {
      ...ApprovalCard_request
    }
  }
`;

/** One request, where links in mails lead to. */
export const Route = createFileRoute("/approvals/$id")({
  staticData: { texts: ["operate"] },
  loader: ({ params }) => preload<ApprovalDetailQuery>(query, { id: params.id }),
  component: function Approval() {
    const { t } = useTranslation();
    const { id } = Route.useParams();
    const { approvalRequest } = usePreloaded<ApprovalDetailQuery>(query, Route.useLoaderData());
    const live = useFeed<ApprovalDetailSubscription>({ subscription: feed, variables: { id }, enabled: Boolean(approvalRequest) });
    if (!approvalRequest) return <NotFound />;
    const title = `#${approvalRequest.number}`;
    return (
      <>
        <PageHeader
          tab={`${title} · ${t("operate.nav.approvals")}`}
          crumbs={
            <Link to="/approvals">
              <IconChevronLeft size={14} aria-hidden />
              {t("operate.nav.approvals")}
            </Link>
          }
          title={title}
          actions={<LiveDot state={live} label={t(`live.${live}`)} />}
        />
        <ApprovalCard request={approvalRequest} />
      </>
    );
  },
});
