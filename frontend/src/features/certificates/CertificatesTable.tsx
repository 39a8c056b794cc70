import { IconCertificate } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import type { CertificatesTable_query$key } from "#/relay/__generated__/CertificatesTable_query.graphql.ts";
import type { CertificatesTable_row$key } from "#/relay/__generated__/CertificatesTable_row.graphql.ts";
import type { CertificatesTableFeedSubscription } from "#/relay/__generated__/CertificatesTableFeedSubscription.graphql.ts";
import type { CertificatesTableMoreQuery } from "#/relay/__generated__/CertificatesTableMoreQuery.graphql.ts";
import { graphql, useFeed, useFragment, usePaginationFragment } from "#/relay/index.ts";
import { DataTable, rowLink } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { HostName } from "#/ui/HostName.tsx";
import { More } from "#/ui/More.tsx";
import { LiveDot } from "#/ui/Page.tsx";
import { exact, RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "../domains/domains.module.css";
import { certificateTone } from "./tone.ts";

type Props = {
  organization: { id: string; slug: string };
  query: CertificatesTable_query$key;
  atRisk: boolean;
  onRisk: (atRisk: boolean) => void;
};

/** What all names present, whose end comes first; or those alone that nobody can renew. Read anew when the certificate of a name moves. */
export function CertificatesTable({ organization, query, atRisk, onRisk }: Props) {
  const { t } = useTranslation();
  const { data, hasNext, isLoadingNext, loadNext, refetch } = usePaginationFragment<
    CertificatesTableMoreQuery,
    CertificatesTable_query$key
  >(
    graphql`
      fragment CertificatesTable_query on Query
      @refetchable(queryName: "CertificatesTableMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 30 }, after: { type: "String" }) {
        certificates(organizationId: $organizationId, atRisk: $atRisk, first: $first, after: $after)
          @connection(key: "CertificatesTable_certificates", filters: ["organizationId", "atRisk"]) {
          totalCount
          edges {
            node {
              id
              ...CertificatesTable_row
            }
          }
        }
      }
    `,
    query,
  );
  const reread = () => void refetch({}, { fetchPolicy: "network-only" });
  const known = useRef(new Map<string, string>());
  const feed = useFeed<CertificatesTableFeedSubscription>({
    subscription: graphql`
      subscription CertificatesTableFeedSubscription($organizationId: ID!) {
        connectionsChanged(organizationId: $organizationId) {
          position
          connection {
            id
            facets {
              tls {
                value
                since
              }
            }
          }
        }
      }
    `,
    variables: { organizationId: organization.id },
    reread,
    position: (message) => message.connectionsChanged.position,
    accept: () => true,
    onNext: ({ connectionsChanged: { connection } }) => {
      if (!connection) return;
      const { value, since } = connection.facets.tls;
      const now = `${value} ${since}`;
      if (known.current.get(connection.id) === now) return;
      known.current.set(connection.id, now);
      reread();
    },
  });
  const { edges, totalCount } = data.certificates;
  return (
    <>
      <div className={css.bar}>
        <div className={css.views} role="group" aria-label={t("nav.certificates")}>
          {[false, true].map((risk) => (
            <button key={String(risk)} type="button" aria-pressed={atRisk === risk} onClick={() => onRisk(risk)}>
              {t(risk ? "certificates.atRisk" : "certificates.all")}
              {atRisk === risk && totalCount > 0 && <span className="tabular">{totalCount}</span>}
            </button>
          ))}
        </div>
        <LiveDot state={feed} label={t(`live.${feed}`)} />
      </div>
      {edges.length === 0 ? (
        <Empty
          icon={<IconCertificate size={22} />}
          title={t(atRisk ? "certificates.none.title" : "certificates.empty.title")}
          code={`query { certificates(organizationId: "${organization.id}", atRisk: ${atRisk}) { nodes { names notAfter breaksAt } } }`}
        >
          {t(atRisk ? "certificates.none.text" : "certificates.empty.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("nav.certificates")}
          columns={[
            { key: "host", label: t("domains.column.host") },
            { key: "state", label: t("domains.column.state") },
            { key: "ca", label: t("certificate.ca") },
            { key: "until", label: t("certificates.until"), end: true },
          ]}
        >
          {edges.map(({ node }) => (
            <Row key={node.id} org={organization.slug} certificate={node} />
          ))}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(30)} />}
    </>
  );
}

function Row({ org, certificate }: { org: string; certificate: CertificatesTable_row$key }) {
  const { t, i18n } = useTranslation();
  const row = useFragment(
    graphql`
      fragment CertificatesTable_row on Certificate {
        status
        ca
        issuer
        notAfter
        renewAt
        breaksAt
        imported
        lastError {
          explain(locale: $locale) {
            title
          }
        }
        connection {
          id
          hostname
          unicodeName
          registrableDomain
        }
      }
    `,
    certificate,
  );
  const { connection } = row;
  return (
    <tr>
      <td data-wide>
        <Link to="/$org/domains/$id" params={{ org, id: connection.id }} search={{ tab: "certificate" }} {...rowLink}>
          <HostName name={connection.hostname} unicode={connection.unicodeName} registrable={connection.registrableDomain} withALabel />
        </Link>
      </td>
      <td data-label={t("domains.column.state")}>
        <div>
          <Status tone={row.breaksAt ? "bad" : certificateTone[row.status]}>
            {row.breaksAt && row.status !== "EXPIRED" ? t("certificates.atRisk") : t(`certificate.status.${row.status}`)}
          </Status>
          {row.lastError && <span className={css.under}>{row.lastError.explain.title}</span>}
        </div>
      </td>
      <td data-label={t("certificate.ca")}>{row.imported ? row.issuer : row.ca}</td>
      <td data-label={t("certificates.until")} data-end>
        <div>
          {row.notAfter && <RelativeTime at={row.notAfter} />}
          <span className={css.under}>
            {row.breaksAt
              ? t("certificates.breaks", { when: exact(row.breaksAt, i18n.language) })
              : row.renewAt && t("certificates.renews", { when: exact(row.renewAt, i18n.language) })}
          </span>
        </div>
      </td>
    </tr>
  );
}
