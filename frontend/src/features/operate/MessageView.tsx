import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { MessageView_message$key } from "#/relay/__generated__/MessageView_message.graphql.ts";
import type { MessageViewAgainMutation } from "#/relay/__generated__/MessageViewAgainMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Facts } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { exact } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import { MessageMark } from "./Marks.tsx";
import css from "./operate.module.css";

const ended = ["FAILED", "BOUNCED", "SUPPRESSED"];

type Props = { message: MessageView_message$key; onClose: () => void; onTag: (tag: string) => void };

/** What became of one mail, try by try; what did not arrive can be sent again. */
export default function MessageView({ message, onClose, onTag }: Props) {
  const { t, i18n } = useTranslation();
  const may = useCan("message.redeliver");
  const one = useFragment(
    graphql`
      fragment MessageView_message on EmailDelivery {
        id
        organizationId
        to
        subject
        template
        tags
        state
        attempts {
          at
          ok
          error
        }
        receiptId
        sentAt
        deliveredAt
        failedAt
        failedReason
        createdAt
      }
    `,
    message,
  );
  // Its state is told by the list's feed alone: it may be sent before this answer comes, which would tell of the past.
  const again = useAction<MessageViewAgainMutation>(
    graphql`
      mutation MessageViewAgainMutation($id: ID!) {
        opsRedeliverEmail(id: $id) {
          id
        }
      }
    `,
    { onDone: () => toast(t("operate.messages.again.done")) },
  );
  const when = (at: string | null | undefined) => (at ? exact(at, i18n.language) : null);
  return (
    <Dialog opened onClose={onClose} title={one.subject} size={680}>
      <div className="stack">
        <div>
          <MessageMark state={one.state} size="lg" />
        </div>
        <Facts
          rows={[
            [
              t("operate.messages.to"),
              <span key="to" className={css.address} dir="ltr">
                {one.to}
              </span>,
            ],
            [t("operate.messages.letter"), <code key="letter">{one.template}</code>],
            one.failedReason ? [t("operate.messages.reason"), one.failedReason] : null,
            [t("operate.messages.queued"), when(one.createdAt)],
            one.sentAt ? [t("operate.messages.state.SENT"), when(one.sentAt)] : null,
            one.deliveredAt ? [t("operate.messages.state.DELIVERED"), when(one.deliveredAt)] : null,
            one.failedAt ? [t("operate.messages.ended"), when(one.failedAt)] : null,
            one.receiptId
              ? [
                  "Message-ID",
                  <span key="id" className={css.address} dir="ltr">
                    {one.receiptId}
                  </span>,
                ]
              : null,
            one.organizationId ? [t("operate.events.organization"), <code key="org">{one.organizationId}</code>] : null,
            one.tags.length > 0
              ? [
                  t("operate.messages.tags"),
                  <span key="tags" className={css.tags}>
                    {one.tags.map((tag) => (
                      <Button key={tag} size="compact-xs" variant="default" onClick={() => onTag(tag)}>
                        {tag}
                      </Button>
                    ))}
                  </span>,
                ]
              : null,
          ]}
        />
        <section aria-label={t("operate.messages.tries")}>
          <h3>{t("operate.messages.tries")}</h3>
          {one.attempts.length === 0 ? (
            <p className="dim">{t("operate.messages.untried")}</p>
          ) : (
            <ol className={css.list}>
              {one.attempts.map((attempt) => (
                <li key={attempt.at}>
                  <span>{attempt.ok ? t("operate.messages.taken") : (attempt.error ?? t("operate.messages.state.FAILED"))}</span>
                  <span className="dim">{when(attempt.at)}</span>
                </li>
              ))}
            </ol>
          )}
        </section>
        {one.state === "SUPPRESSED" && <p className="dim">{t("operate.messages.again.suppressed")}</p>}
        {again.failed && <ErrorCard problem={again.failed} />}
      </div>
      <DialogFoot>
        <Button variant="default" onClick={onClose}>
          {t("close")}
        </Button>
        {may && ended.includes(one.state) && (
          <Button loading={again.pending} onClick={() => void again.run({ id: one.id })}>
            {t("operate.messages.again.action")}
          </Button>
        )}
      </DialogFoot>
    </Dialog>
  );
}
