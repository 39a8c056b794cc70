import { Button } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ProviderViewQuery } from "#/relay/__generated__/ProviderViewQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { Part } from "#/shell/States.tsx";
import { Dialog } from "#/ui/Dialog.tsx";
import { Facts } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import css from "./providers.module.css";

export default function ProviderView({ slug, onClose }: { slug: string; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog opened onClose={onClose} title={t("providers.title")}>
      <Part what={t("nav.providers")}>
        <View slug={slug} />
      </Part>
    </Dialog>
  );
}

function View({ slug }: { slug: string }) {
  const { t, i18n } = useTranslation();
  const { provider } = useLazyLoadQuery<ProviderViewQuery>(
    graphql`
      query ProviderViewQuery($slug: String!, $locale: String) {
        provider(slug: $slug) {
          name
          consoleUrl
          nameServers
          apex
          parking
          verifiedAt
          checkedAt
          confidence
          capabilities {
            api
            dnssec
            proxy
            ipv6
          }
          dialect {
            apexName
            relativeNames
            appendsZone
            trailingDot
            txtQuotes
            fields {
              name
              value
              ttl
              priority
            }
            ttl {
              minimum
              default
            }
            records
            notes
          }
          sources {
            url
            claims
            readAt
          }
          guide(locale: $locale) {
            text
            url
          }
        }
      }
    `,
    { slug, locale: i18n.language },
  );
  if (!provider) return <p className="dim">{t("notFound.text")}</p>;
  const { dialect, capabilities, sources } = provider;
  const fields = [dialect.fields.name, dialect.fields.value, dialect.fields.ttl, dialect.fields.priority].filter((name) => name != null);
  const can = (["api", "dnssec", "ipv6", "proxy"] as const).filter((what) => capabilities[what] != null);
  const seconds = (count: number) => t("providers.seconds", { count });
  return (
    <div className={css.view}>
      <h3>{provider.name}</h3>
      {provider.parking && <p className="dim">{t("providers.parking")}</p>}
      <Facts
        rows={[
          fields.length > 0 ? [t("providers.fields"), <bdi key="fields">{fields.join(" · ")}</bdi>] : null,
          [t("providers.apexName"), <code key="apex">{dialect.apexName || t("providers.emptyName")}</code>],
          [t("providers.names"), t(dialect.relativeNames ? "providers.relative" : "providers.full")],
          [t("providers.zone"), t(dialect.appendsZone ? "providers.appends" : "providers.appendsNot")],
          [t("providers.dot"), t(`providers.dots.${dialect.trailingDot}`)],
          dialect.txtQuotes ? [t("providers.quotes"), t(`providers.dots.${dialect.txtQuotes}`)] : null,
          dialect.ttl.minimum != null ? [t("providers.ttlMinimum"), seconds(dialect.ttl.minimum)] : null,
          dialect.ttl.default != null ? [t("providers.ttlDefault"), seconds(dialect.ttl.default)] : null,
          [t("providers.apexWays"), provider.apex.map((way) => t(`providers.way.${way}`)).join(", ")],
          dialect.records ? [t("providers.records"), dialect.records.join(" ")] : null,
          ...can.map((what): [string, string] => [t(`providers.can.${what}`), t(capabilities[what] ? "providers.yes" : "providers.no")]),
          provider.nameServers.length > 0
            ? [
                t("providers.servers"),
                <span key="servers" className={css.chips} dir="ltr">
                  {provider.nameServers.map((rule) => (
                    <code key={rule}>{rule}</code>
                  ))}
                </span>,
              ]
            : null,
          [t("providers.trust"), t("providers.atMost", { share: Math.round(100 * provider.confidence) })],
          provider.verifiedAt ? [t("providers.verified"), <RelativeTime key="v" at={provider.verifiedAt} />] : null,
          !provider.verifiedAt && provider.checkedAt ? [t("providers.read"), <RelativeTime key="r" at={provider.checkedAt} />] : null,
        ]}
      />
      {dialect.notes.map((note) => (
        <p key={note} className="dim">
          {note}
        </p>
      ))}
      {provider.guide.length > 0 && (
        <>
          <h4>{t("providers.guide")}</h4>
          <ol>
            {provider.guide.map((step) => (
              <li key={step.text}>
                {step.text}{" "}
                {step.url && (
                  <a href={step.url} target="_blank" rel="noreferrer">
                    {new URL(step.url).host}
                  </a>
                )}
              </li>
            ))}
          </ol>
        </>
      )}
      {sources.length > 0 && (
        <details className={css.sources}>
          <summary>{t("providers.sources", { count: sources.length })}</summary>
          <ul>
            {sources.map((source) => (
              <li key={source.url}>
                <a href={source.url} target="_blank" rel="noreferrer">
                  {source.url}
                </a>{" "}
                <span className="dim">{source.claims.map((claim) => t(`providers.claim.${claim}`)).join(", ")}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {provider.consoleUrl && (
        <Button
          component="a"
          href={provider.consoleUrl}
          target="_blank"
          rel="noreferrer"
          variant="default"
          rightSection={<IconExternalLink size={15} />}
        >
          {t("records.open", { provider: provider.name })}
        </Button>
      )}
    </div>
  );
}
