import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { DomainRow_connection$key } from "#/relay/__generated__/DomainRow_connection.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { rowLink } from "#/ui/DataTable.tsx";
import { HostName } from "#/ui/HostName.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Facets, StateBadge, useStale } from "./Badges.tsx";
import css from "./domains.module.css";

export function DomainRow({
  org,
  connection,
  withApplication,
}: {
  org: string;
  connection: DomainRow_connection$key;
  withApplication: boolean;
}) {
  const { t } = useTranslation();
  const row = useFragment(
    graphql`
      fragment DomainRow_connection on Connection {
        id
        version
        hostname
        unicodeName
        registrableDomain
        redirectsTo
        state
        stateSince
        checkedAt
        freshUntil
        facets {
          ownership { value servers { have of } }
          dns { value servers { have of } }
          tls { value servers { have of } }
          edge { value servers { have of } }
        }
        progress(locale: $locale) {
          headline
        }
        provider {
          name
        }
        application {
          name
        }
      }
    `,
    connection,
  );
  const tint = useTint(row.version);
  const stale = useStale(row);
  return (
    <tr data-tint={tint || undefined}>
      <td data-wide>
        <Link to="/$org/domains/$id" params={{ org, id: row.id }} {...rowLink}>
          <HostName name={row.hostname} unicode={row.unicodeName} registrable={row.registrableDomain} withALabel />
        </Link>
        {row.redirectsTo && <span className={css.under}>{t("companion.leads", { to: row.redirectsTo })}</span>}
        {withApplication && <span className={css.under}>{row.application?.name}</span>}
      </td>
      <td data-label={t("domains.column.state")}>
        <StateBadge state={row.state} stale={stale} />
        <span className={css.headline}>
          {stale && row.checkedAt ? (
            <>
              {t("domain.lastChecked")} <RelativeTime at={row.checkedAt} />
            </>
          ) : (
            row.progress.headline
          )}
        </span>
      </td>
      <td data-label={t("domains.column.checks")}>
        <Facets facets={row.facets} />
      </td>
      <td data-label={t("domains.column.provider")}>{row.provider?.name ?? <span className="dim">–</span>}</td>
      <td data-label={t("domains.column.since")} data-end className="dim">
        <RelativeTime at={row.stateSince} />
      </td>
    </tr>
  );
}

/** True for a second after the version moved, never on the first sight. */
function useTint(version: number): boolean {
  const before = useRef(version);
  const [tint, setTint] = useState(false);
  useEffect(() => {
    if (before.current === version) return;
    before.current = version;
    setTint(true);
    const timer = setTimeout(() => setTint(false), 1_000);
    return () => clearTimeout(timer);
  }, [version]);
  return tint;
}
