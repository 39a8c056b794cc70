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
          apex
          verifiedAt
          dialect {
            apexName
            relativeNames
            appendsZone
            trailingDot
            notes
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
  const { dialect } = provider;
  return (
    <div className={css.view}>
      <h3>{provider.name}</h3>
      <Facts
        rows={[
          [t("providers.apexName"), <code key="apex">{dialect.apexName || t("providers.emptyName")}</code>],
          [t("providers.names"), t(dialect.relativeNames ? "providers.relative" : "providers.full")],
          [t("providers.zone"), t(dialect.appendsZone ? "providers.appends" : "providers.appendsNot")],
          [t("providers.dot"), t(`providers.dots.${dialect.trailingDot}`)],
          [
            t("providers.apexWays"),
            provider.apex.length > 0 ? provider.apex.map((way) => t(`providers.way.${way}`)).join(", ") : t("providers.noApex"),
          ],
          provider.verifiedAt ? [t("providers.verified"), <RelativeTime key="v" at={provider.verifiedAt} />] : null,
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
