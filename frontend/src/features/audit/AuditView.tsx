import { Button } from "@mantine/core";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import type { AuditViewOpsProofQuery } from "#/relay/__generated__/AuditViewOpsProofQuery.graphql.ts";
import type { AuditViewProofQuery } from "#/relay/__generated__/AuditViewProofQuery.graphql.ts";
import type { AuditViewQuery } from "#/relay/__generated__/AuditViewQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import { Code, pretty } from "#/ui/Code.tsx";
import { Dialog } from "#/ui/Dialog.tsx";
import { Facts } from "#/ui/Page.tsx";
import { exact } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./audit.module.css";
import type { AuditSearch } from "./search.ts";

type Props = { id: string; onClose: () => void; onSearch: (next: AuditSearch) => void; operator?: boolean };

/** One row with everything that it holds, and the proof that it is what it was. */
export default function AuditView(props: Props) {
  const { t } = useTranslation();
  return (
    <Dialog opened onClose={props.onClose} title={t("audit.one")} size={860}>
      <Part what={t("audit.one")}>
        <Suspense fallback={<p className="dim">{t("loading")}</p>}>
          <AuditRow {...props} />
        </Suspense>
      </Part>
    </Dialog>
  );
}

/** What a row holds, without the dialog around it. */
export function AuditRow({ id, onSearch, operator }: Omit<Props, "onClose">) {
  const { t, i18n } = useTranslation();
  const { audit } = useLazyLoadQuery<AuditViewQuery>(
    graphql`
      query AuditViewQuery($id: ID!, $locale: String) {
        audit(id: $id) {
          id
          chain
          seq
          at
          organizationId
          action
          outcome
          subject
          subjectLabel
          message(locale: $locale)
          args
          ip
          userAgent
          requestId
          hash
          prevHash
          actor {
            id
            kind
            label(locale: $locale)
          }
        }
      }
    `,
    { id, locale: i18n.language },
    { fetchPolicy: "store-or-network" },
  );
  if (!audit) return <p className="dim">{t("notFound.text")}</p>;
  const { actor } = audit;
  return (
    <div className={css.stack}>
      <p className={css.text} style={{ margin: 0, fontWeight: 500 }}>
        {audit.message}
      </p>
      <Facts
        rows={[
          [t("audit.at"), exact(audit.at, i18n.language)],
          [
            t("audit.who"),
            <span key="who">
              {actor.label} {actor.id && <span className={css.sub}>{actor.id}</span>}
            </span>,
          ],
          [t("audit.action"), <code key="action">{audit.action}</code>],
          [
            t("audit.subject"),
            <span key="subject">
              {audit.subjectLabel} <span className={css.sub}>{audit.subject}</span>
            </span>,
          ],
          audit.ip
            ? [t("audit.from"), <span key="from" className={css.text} dir="ltr">{`${audit.ip} · ${audit.userAgent ?? ""}`}</span>]
            : null,
          [
            t("audit.request"),
            <span key="request" className={css.hash}>
              {audit.requestId}
            </span>,
          ],
          [t("audit.number"), audit.seq],
          [
            t("audit.hash"),
            <span key="hash" className={css.hash}>
              {audit.hash}
            </span>,
          ],
          [
            t("audit.prevHash"),
            <span key="prev" className={css.hash}>
              {audit.prevHash}
            </span>,
          ],
        ]}
      />
      <Code text={pretty(audit.args)} title={t("audit.args")} what={t("audit.args")} />
      {(operator || audit.organizationId) && (
        <Part what={t("audit.proof")}>
          <Suspense fallback={<p className="dim">{t("audit.proving")}</p>}>
            {operator ? (
              <OpsProof chain={audit.chain} seq={audit.seq} />
            ) : (
              <Proof organizationId={audit.organizationId ?? ""} seq={audit.seq} />
            )}
          </Suspense>
        </Part>
      )}
      <div className={css.bar}>
        {actor.id && (operator || audit.organizationId) && (
          <Button size="xs" variant="default" onClick={() => onSearch({ actor: actor.id ?? undefined })}>
            {t("audit.more", { name: actor.label })}
          </Button>
        )}
        {operator && (
          <>
            <Button size="xs" variant="default" onClick={() => onSearch({ request: audit.requestId })}>
              {t("audit.of.request")}
            </Button>
            <Button size="xs" variant="default" onClick={() => onSearch({ subject: audit.subject })}>
              {t("audit.of.subject")}
            </Button>
            {audit.organizationId && (
              <Button size="xs" variant="default" onClick={() => onSearch({ org: audit.organizationId ?? undefined })}>
                {t("audit.of.organization")}
              </Button>
            )}
          </>
        )}
      </div>
    </div>
  );
}

function Proof({ organizationId, seq }: { organizationId: string; seq: number }) {
  const { auditProof: proof } = useLazyLoadQuery<AuditViewProofQuery>(
    graphql`
      query AuditViewProofQuery($organizationId: ID!, $seq: Int!) {
        auditProof(organizationId: $organizationId, seq: $seq) {
          valid
          firstBrokenSeq
          checkpointId
          treeSize
          signedNote
          inclusionProof
        }
      }
    `,
    { organizationId, seq },
    { fetchPolicy: "network-only" },
  );
  return <Proven proof={proof} seq={seq} />;
}

function OpsProof({ chain, seq }: { chain: string; seq: number }) {
  const { opsAuditProof: proof } = useLazyLoadQuery<AuditViewOpsProofQuery>(
    graphql`
      query AuditViewOpsProofQuery($chain: String!, $seq: Int!) {
        opsAuditProof(chain: $chain, seq: $seq) {
          valid
          firstBrokenSeq
          checkpointId
          treeSize
          signedNote
          inclusionProof
        }
      }
    `,
    { chain, seq },
    { fetchPolicy: "network-only" },
  );
  return <Proven proof={proof} seq={seq} />;
}

function Proven({ proof, seq }: { proof: AuditViewProofQuery["response"]["auditProof"]; seq: number }) {
  const { t } = useTranslation();
  return (
    <section className={css.stack} aria-label={t("audit.proof")}>
      <div className={css.proof} role="status">
        <Status tone={proof.valid ? "good" : "bad"}>{t(proof.valid ? "audit.valid" : "audit.invalid")}</Status>
        <span className="dim">
          {proof.valid
            ? t(proof.checkpointId ? "audit.validText" : "audit.freshText", { count: proof.treeSize, hashes: proof.inclusionProof.length })
            : t("audit.invalidText", { seq: proof.firstBrokenSeq ?? seq })}
        </span>
      </div>
      <Code text={proof.signedNote} title={t("audit.note")} what={t("audit.note")} />
    </section>
  );
}
