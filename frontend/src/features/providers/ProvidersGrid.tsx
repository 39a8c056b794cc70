import { TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useDeferredValue } from "react";
import { useTranslation } from "react-i18next";
import type { ProvidersGrid_query$data, ProvidersGrid_query$key } from "#/relay/__generated__/ProvidersGrid_query.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { Empty } from "#/ui/Empty.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./providers.module.css";

const ProviderView = lazy(() => import("./ProviderView.tsx"));

type Provider = ProvidersGrid_query$data["providers"][number];
type Props = {
  org: string;
  query: ProvidersGrid_query$key;
  text: string;
  open?: string;
  onText: (text: string) => void;
  onClose: () => void;
};

/** Who runs DNS for our customers, and how much of it goes by itself there. */
export function ProvidersGrid({ org, query, text, open, onText, onClose }: Props) {
  const { t } = useTranslation();
  const { providers } = useFragment(
    graphql`
      fragment ProvidersGrid_query on Query {
        providers {
          id
          slug
          name
          apex
          methods
          autoConfigures
          verifiedAt
        }
      }
    `,
    query,
  );
  const wanted = useDeferredValue(text).trim().toLowerCase();
  const found = providers.filter(({ name, slug }) => name.toLowerCase().includes(wanted) || slug.includes(wanted));
  return (
    <>
      <div className={css.bar}>
        <TextInput
          aria-label={t("providers.find")}
          placeholder={t("providers.find")}
          leftSection={<IconSearch size={15} />}
          value={text}
          onChange={(event) => onText(event.currentTarget.value)}
          w={300}
          maw="100%"
          data-shortcut="/"
        />
        <span className="dim tabular">{t("list.count", { shown: found.length, total: providers.length })}</span>
      </div>
      {found.length === 0 ? (
        <Empty title={t("providers.none.title")}>{t("providers.none.text")}</Empty>
      ) : (
        <ul className={css.grid}>
          {found.map((provider) => (
            <li key={provider.id} className={css.tile}>
              <span className={css.mark} aria-hidden>
                {provider.name.slice(0, 1)}
              </span>
              <div>
                <Link
                  to="/$org/providers"
                  params={{ org }}
                  search={(old) => ({ ...old, provider: provider.slug })}
                  className={css.name}
                  data-row-link
                  resetScroll={false}
                >
                  {provider.name}
                </Link>
                <Level provider={provider} />
              </div>
              <div className={css.apex}>{provider.apex.length > 0 ? t("providers.apex") : t("providers.noApex")}</div>
            </li>
          ))}
        </ul>
      )}
      {open && (
        <Suspense>
          <ProviderView slug={open} onClose={onClose} />
        </Suspense>
      )}
    </>
  );
}

function Level({ provider }: { provider: Provider }) {
  const { t } = useTranslation();
  const guided = !provider.autoConfigures && provider.methods.some((method) => method !== "NONE");
  const level = provider.autoConfigures ? "automatic" : guided ? "guided" : "manual";
  return (
    <Status plain tone={level === "automatic" ? "good" : level === "guided" ? "busy" : "none"}>
      {t(`providers.level.${level}`)}
    </Status>
  );
}
