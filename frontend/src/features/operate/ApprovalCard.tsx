import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ApprovalCard_request$key } from "#/relay/__generated__/ApprovalCard_request.graphql.ts";
import type { ApprovalCardCancelMutation } from "#/relay/__generated__/ApprovalCardCancelMutation.graphql.ts";
import type { ApprovalCardDecideMutation } from "#/relay/__generated__/ApprovalCardDecideMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card, Facts } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { exact, RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import { ApprovalMark } from "./Marks.tsx";
import css from "./operate.module.css";
import { ReasonDialog } from "./ReasonDialog.tsx";

/** One change that waits: what exactly, why, who asks, until when. The word goes back with the hash of what is shown. */
export function ApprovalCard({ request }: { request: ApprovalCard_request$key }) {
  const { t, i18n } = useTranslation();
  const [deciding, setDeciding] = useState<"APPROVE" | "REJECT" | null>(null);
  const mayDecide = useCan("approval.decide");
  const data = useFragment(
    graphql`
      fragment ApprovalCard_request on ApprovalRequest {
        id
        number
        action
        subjectLabel
        state
        input
        inputSha256
        reason
        requester {
          name
        }
        decisions {
          by {
            userId
            name
          }
          decision
          comment
          at
        }
        eligibleApprovers {
          userId
          name
        }
        canIDecide
        whyNot
        coolingOff
        executeNotBefore
        createdAt
        expiresAt
        executedAt
        failure
      }
    `,
    request,
  );
  const decide = useAction<ApprovalCardDecideMutation>(
    graphql`
      mutation ApprovalCardDecideMutation($input: DecideApprovalInput!) {
        decideApproval(input: $input) {
          request {
            ...ApprovalCard_request
          }
        }
      }
    `,
    {
      onDone: () => {
        toast(t(deciding === "REJECT" ? "operate.decide.rejected" : "operate.decide.approved"));
        setDeciding(null);
      },
    },
  );
  const cancel = useAction<ApprovalCardCancelMutation>(
    graphql`
      mutation ApprovalCardCancelMutation($id: ID!) {
        cancelApproval(id: $id) {
          request {
            ...ApprovalCard_request
          }
        }
      }
    `,
    { onDone: () => toast(t("operate.decide.canceled")) },
  );
  const open = data.state === "PENDING";
  const own = data.whyNot === "own_request";
  const title = t(`operate.action.${data.action.replace(".", "_")}`, { who: data.subjectLabel, defaultValue: data.action });
  return (
    <Card>
      <div className={css.request}>
        <div className={css.requestHead}>
          <h2>
            <span className="dim tabular">{`#${data.number}`}</span> {title}
          </h2>
          <ApprovalMark state={data.state} />
        </div>
        <Facts
          rows={[
            [t("operate.request.by"), data.requester.name || "–"],
            [t("operate.request.why"), data.reason ?? "–"],
            [t("operate.request.asked"), <RelativeTime key="asked" at={data.createdAt} />],
            open && [
              t(data.coolingOff ? "operate.request.runs" : "operate.request.until"),
              exact((data.coolingOff && data.executeNotBefore) || data.expiresAt, i18n.language),
            ],
            open &&
              data.eligibleApprovers.length > 0 && [
                t("operate.request.waiting"),
                data.eligibleApprovers.map((person) => person.name || person.userId).join(", "),
              ],
            data.executedAt ? [t("operate.request.done"), <RelativeTime key="done" at={data.executedAt} />] : null,
            data.failure ? [t("operate.request.failure"), t(`operate.failure.${data.failure}`, { defaultValue: data.failure })] : null,
            ...data.decisions.map(
              (one) =>
                [
                  t(`operate.decision.${one.decision}`),
                  <span key={one.by.userId}>
                    {one.by.name || one.by.userId}, <RelativeTime at={one.at} />
                    {one.comment && <span className="dim">: {one.comment}</span>}
                  </span>,
                ] as const,
            ),
          ]}
        />
        <pre className={`${css.input} mono`}>{JSON.stringify(data.input, null, 2)}</pre>
        <span className={`${css.hash} mono`}>SHA-256 {data.inputSha256}</span>
        {open && (
          <div className={css.actions}>
            {own ? (
              <Button variant="default" size="xs" loading={cancel.pending} onClick={() => cancel.run({ id: data.id })}>
                {t("operate.decide.cancel")}
              </Button>
            ) : (
              mayDecide && (
                <>
                  <Button size="xs" disabled={!data.canIDecide} onClick={() => setDeciding("APPROVE")}>
                    {t("operate.decide.approve")}
                  </Button>
                  <Button size="xs" variant="default" onClick={() => setDeciding("REJECT")}>
                    {t("operate.decide.reject")}
                  </Button>
                  {data.whyNot && <span className="dim">{t(`operate.whyNot.${data.whyNot}`)}</span>}
                </>
              )
            )}
          </div>
        )}
        {cancel.failed && <ErrorCard problem={cancel.failed} />}
      </div>
      {deciding && (
        <ReasonDialog
          title={t(deciding === "APPROVE" ? "operate.decide.approveTitle" : "operate.decide.rejectTitle")}
          action={t(deciding === "APPROVE" ? "operate.decide.approve" : "operate.decide.reject")}
          danger={deciding === "REJECT"}
          needed={false}
          label={t("operate.decide.comment")}
          pending={decide.pending}
          failed={decide.failed}
          onClose={() => {
            setDeciding(null);
            decide.clear();
          }}
          onConfirm={(comment) =>
            decide.run({ input: { id: data.id, decision: deciding, inputSha256: data.inputSha256, comment: comment || null } })
          }
        >
          {title}
        </ReasonDialog>
      )}
    </Card>
  );
}
