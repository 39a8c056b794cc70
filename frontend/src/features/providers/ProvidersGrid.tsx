import { NativeSelect, TextInput } from "@mantine/core";
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
  show?: Show;
  open?: string;
  onText: (text: string) => void;
  onShow: (show?: Show) => void;
  onOpen: (slug: string) => void;
  onClose: () => void;
};

/** What a provider must be able to do to be shown. */
export const shows = ["alias", "connect", "api", "tried"] as const;
export type Show = (typeof shows)[number];

const has: Record<Show, (provider: Provider) => boolean> = {
  alias: follows,
  connect: ({ domainConnect }) => domainConnect.sync || domainConnect.async,
  api: ({ capabilities }) => capabilities.api === true,
  tried: ({ verifiedAt, checkedAt }) => Boolean(verifiedAt ?? checkedAt),
};

/** The domain itself can follow us by name there, and not by addresses alone. */
function follows({ apex }: Provider) {
  return apex.some((way) => way !== "ADDRESS");
}

/** By name, or by a name server that somebody has at hand: both "domaincontrol" and "ns1.domaincontrol.com" find GoDaddy. */
function matches({ name, slug, nameServers }: Provider, wanted: string) {
  if (!wanted || name.toLowerCase().includes(wanted) || slug.includes(wanted)) return true;
  const server = wanted.replace(/\.$/, "");
  return nameServers.some((rule) =>
    /[\\^$]/.test(rule) ? new RegExp(rule).test(server) : rule.includes(server) || `.${server}`.endsWith(`.${rule}`),
  );
}

/** Who runs DNS for our customers, and how much of it goes by itself there. */
export function ProvidersGrid({ org, query, text, show, open, onText, onShow, onOpen, onClose }: Props) {
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
          nameServers
          parking
          verifiedAt
          checkedAt
          domainConnect {
            sync
            async
          }
          capabilities {
            api
          }
        }
      }
    `,
    query,
  );
  const wanted = useDeferredValue(text).trim().toLowerCase();
  const found = providers.filter((provider) => matches(provider, wanted) && (!show || has[show](provider)));
  return (
    <>
      <div className={css.bar}>
        <TextInput
          aria-label={t("providers.find")}
          placeholder={t("providers.find")}
          leftSection={<IconSearch size={15} />}
          value={text}
          onChange={(event) => onText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && found[0] && wanted) onOpen(found[0].slug);
          }}
          w={300}
          maw="100%"
          data-shortcut="/"
        />
        <NativeSelect
          aria-label={t("providers.show")}
          value={show ?? ""}
          data={[
            { value: "", label: t("providers.shows.all") },
            ...shows.map((value) => ({ value, label: t(`providers.shows.${value}`) })),
          ]}
          onChange={({ currentTarget: { value } }) => onShow((value || undefined) as Show | undefined)}
        />
        <span className={`${css.count} dim tabular`} role="status">
          {t("list.count", { shown: found.length, total: providers.length })}
        </span>
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
              <div className={css.apex}>
                {t(provider.parking ? "providers.parking" : follows(provider) ? "providers.apex" : "providers.noApex")}
              </div>
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
