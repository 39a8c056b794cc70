import { SegmentedControl } from "@mantine/core";
import { IconChecks } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ApprovalList_query$key } from "#/relay/__generated__/ApprovalList_query.graphql.ts";
import type { ApprovalListFeedSubscription } from "#/relay/__generated__/ApprovalListFeedSubscription.graphql.ts";
import type { ApprovalListMoreQuery } from "#/relay/__generated__/ApprovalListMoreQuery.graphql.ts";
import { graphql, useFeed, usePaginationFragment } from "#/relay/index.ts";
import { Empty } from "#/ui/Empty.tsx";
import { More } from "#/ui/More.tsx";
import { LiveDot } from "#/ui/Page.tsx";
import { ApprovalCard } from "./ApprovalCard.tsx";
import css from "./operate.module.css";

export type Shown = "forMe" | "mine" | "all";

type Props = { query: ApprovalList_query$key; shown: Shown; onShow: (next: Shown) => void };

/** What waits for a second operator, and what became of it. A decision elsewhere shows here at once. */
export function ApprovalList({ query, shown, onShow }: Props) {
  const { t } = useTranslation();
  const { data, hasNext, loadNext, isLoadingNext, refetch } = usePaginationFragment<ApprovalListMoreQuery, ApprovalList_query$key>(
    graphql`
      fragment ApprovalList_query on Query
      @refetchable(queryName: "ApprovalListMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        approvals(filter: $filter, first: $first, after: $after) @connection(key: "ApprovalList_approvals", filters: ["filter"]) {
          totalCount
          edges {
            node {
              id
              ...ApprovalCard_request
            }
          }
        }
      }
    `,
    query,
  );
  const rows = data.approvals.edges.map((edge) => edge.node);
  const reread = () => refetch({ first: Math.min(100, Math.max(50, rows.length)) }, { fetchPolicy: "store-and-network" });
  const feed = useFeed<ApprovalListFeedSubscription>({
    subscription: graphql`
      subscription ApprovalListFeedSubscription {
        approvalChanged {
          id
          ...ApprovalCard_request
        }
      }
    `,
    variables: {},
    reread,
    onNext: reread,
  });
  return (
    <div className="stack">
      <div className={css.bar}>
        <LiveDot state={feed} label={t(`live.${feed}`)} />
        <SegmentedControl
          size="xs"
          aria-label={t("operate.approvals.show")}
          value={shown}
          onChange={(next) => onShow(next as Shown)}
          data={(["forMe", "mine", "all"] as const).map((value) => ({ value, label: t(`operate.approvals.${value}`) }))}
        />
      </div>
      {rows.length === 0 ? (
        <Empty icon={<IconChecks size={22} />} title={t(`operate.approvals.empty.${shown}`)}>
          {t("operate.approvals.empty.text")}
        </Empty>
      ) : (
        rows.map((request) => <ApprovalCard key={request.id} request={request} />)
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
    </div>
  );
}
