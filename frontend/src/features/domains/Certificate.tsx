import { useTranslation } from "react-i18next";
import type { Certificate_connection$data, Certificate_connection$key } from "#/relay/__generated__/Certificate_connection.graphql.ts";
import type { CertificateTabQuery } from "#/relay/__generated__/CertificateTabQuery.graphql.ts";
import { graphql, useFragment, useLazyLoadQuery } from "#/relay/index.ts";
import { CopyButton } from "#/ui/CopyButton.tsx";
import { DataTable } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { Card, Facts } from "#/ui/Page.tsx";
import { exact, RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import { certificateTone } from "../certificates/tone.ts";
import { CertificateMode } from "./CertificateMode.tsx";
import css from "./domain.module.css";
import { Explanation } from "./Findings.tsx";
import { Revoke } from "./Revoke.tsx";

export default function Certificate({ id }: { id: string }) {
  const { i18n } = useTranslation();
  const { connection } = useLazyLoadQuery<CertificateTabQuery>(
    graphql`
      query CertificateTabQuery($id: ID!, $locale: String) {
        connection(id: $id) {
          ...Certificate_connection
        }
      }
    `,
    { id, locale: i18n.language },
    { fetchPolicy: "store-and-network" },
  );
  return connection && <CertificateView connection={connection} />;
}

export function CertificateView({ connection }: { connection: Certificate_connection$key }) {
  const { t, i18n } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Certificate_connection on Connection {
        ...CertificateMode_connection
        ...Revoke_connection
        cutover {
          securedAt
          routedAt
          tlsDowntimeSeconds
        }
        certificate {
          id
          names
          mode
          ca
          status
          issuer
          serial
          notBefore
          notAfter
          daysLeft
          renewAt
          nextAttemptAt
          failures
          breaksAt
          revokeReason
          revokedAt
          lastError {
            severity
            explain(locale: $locale) {
              title
              body
              steps
              who
              takes
              docs
            }
          }
        }
        certificates {
          id
          serial
          status
          mode
          notBefore
          notAfter
          createdAt
        }
      }
    `,
    connection,
  );
  const certificate = data.certificate;
  if (!certificate || certificate.status === "NONE") {
    return (
      <div className="stack">
        <Empty title={t("certificate.empty.title")}>{t("certificate.empty.text")}</Empty>
        <CertificateMode connection={data} />
      </div>
    );
  }
  return (
    <div className="stack">
      {certificate.lastError && <Explanation severity={certificate.lastError.severity} explain={certificate.lastError.explain} />}
      <Card
        title={certificate.names.join(", ")}
        text={certificate.issuer ?? certificate.ca}
        actions={
          <Status tone={certificateTone[certificate.status]} busy={certificateTone[certificate.status] === "busy"}>
            {t(`certificate.status.${certificate.status}`)}
          </Status>
        }
      >
        {certificate.breaksAt && <p className={css.risk}>{t("certificate.risk", { when: exact(certificate.breaksAt, i18n.language) })}</p>}
        <Validity certificate={certificate} />
        <Facts
          rows={[
            [t("certificate.mode"), t(`certificate.modes.${certificate.mode}`)],
            [t("certificate.ca"), certificate.ca],
            certificate.serial
              ? [
                  t("certificate.serial"),
                  <span key="serial" className="mono">
                    {certificate.serial} <CopyButton text={certificate.serial} what={t("certificate.serial")} />
                  </span>,
                ]
              : null,
            certificate.renewAt ? [t("certificate.renewAt"), <RelativeTime key="renew" at={certificate.renewAt} />] : null,
            certificate.nextAttemptAt ? [t("certificate.nextAttempt"), <RelativeTime key="next" at={certificate.nextAttemptAt} />] : null,
            data.cutover
              ? [
                  t("certificate.cutover"),
                  <span key="cutover" className="tabular" title={exact(data.cutover.securedAt, i18n.language)}>
                    {t("certificate.downtime", { count: data.cutover.tlsDowntimeSeconds })}
                  </span>,
                ]
              : null,
            certificate.failures > 0 ? [t("certificate.failures"), String(certificate.failures)] : null,
            certificate.revokeReason ? [t("certificate.revokedFor"), t(`certificate.revoke.reasons.${certificate.revokeReason}`)] : null,
            certificate.revokeReason
              ? [
                  t("certificate.revokedAt"),
                  certificate.revokedAt ? <RelativeTime key="revoked" at={certificate.revokedAt} /> : t("certificate.notTold"),
                ]
              : null,
          ]}
        />
      </Card>
      <CertificateMode connection={data} />
      <Revoke connection={data} />
      {data.certificates.length > 1 && (
        <DataTable
          caption={t("certificate.history")}
          columns={[
            { key: "serial", label: t("certificate.serial") },
            { key: "status", label: t("domains.column.state") },
            { key: "from", label: t("certificate.notBefore") },
            { key: "to", label: t("certificate.notAfter"), end: true },
          ]}
        >
          {data.certificates.map((one) => (
            <tr key={one.id}>
              <td data-label={t("certificate.serial")} className="mono">
                {one.serial?.slice(0, 16) ?? "–"}
              </td>
              <td data-label={t("domains.column.state")}>
                <Status tone={certificateTone[one.status]}>{t(`certificate.status.${one.status}`)}</Status>
              </td>
              <td data-label={t("certificate.notBefore")}>{one.notBefore ? exact(one.notBefore, i18n.language) : "–"}</td>
              <td data-label={t("certificate.notAfter")} data-end>
                {one.notAfter ? exact(one.notAfter, i18n.language) : "–"}
              </td>
            </tr>
          ))}
        </DataTable>
      )}
    </div>
  );
}

/** The lifetime as a line: how much is used, and where the renewal stands. */
function Validity({ certificate }: { certificate: NonNullable<Certificate_connection$data["certificate"]> }) {
  const { t, i18n } = useTranslation();
  const { notBefore, notAfter, renewAt, daysLeft } = certificate;
  if (!notBefore || !notAfter) return null;
  const from = Date.parse(notBefore);
  const span = Date.parse(notAfter) - from;
  const at = (time: number) => `${Math.min(100, Math.max(0, ((time - from) / span) * 100))}%`;
  return (
    <div className={css.validity}>
      <div className={css.validityHead}>
        <strong className="tabular">{t("certificate.daysLeft", { count: daysLeft ?? 0 })}</strong>
      </div>
      <div className={css.track} aria-hidden>
        <span className={css.used} style={{ width: at(Date.now()) }} />
        {renewAt && <span className={css.renew} style={{ insetInlineStart: at(Date.parse(renewAt)) }} />}
      </div>
      <div className={css.validityFoot}>
        <span>{exact(notBefore, i18n.language)}</span>
        <span>{exact(notAfter, i18n.language)}</span>
      </div>
    </div>
  );
}
