import { useTranslation } from "react-i18next";
import type { ConnectionState } from "#/relay/__generated__/DomainRow_connection.graphql.ts";
import { useNow } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./domains.module.css";
import { facetNames, facetTone, stateTone } from "./states.ts";

type Looked = { readonly state: ConnectionState; readonly checkedAt?: string | null; readonly freshUntil?: string | null };

/** True of a live name that was looked at longer than two intervals ago: its tick says what was then. */
export function useStale({ state, checkedAt, freshUntil }: Looked): boolean {
  const now = useNow(false);
  return state === "LIVE" && Boolean(checkedAt) && (!freshUntil || Date.parse(freshUntil) < now);
}

export function StateBadge({ state, size, stale }: { state: ConnectionState; size?: "lg"; stale?: boolean }) {
  const { t } = useTranslation();
  const tone = stale ? "none" : stateTone[state];
  return (
    <Status tone={tone} busy={tone === "busy"} size={size}>
      {t(`state.${state}`)}
    </Status>
  );
}

type FacetState = { readonly value: string; readonly servers?: { readonly have: number; readonly of: number } | null };

/** Four small bars: ownership, DNS, certificate, edge. The words are in the label. */
export function Facets({ facets }: { facets: Readonly<Record<(typeof facetNames)[number], FacetState>> }) {
  const { t } = useTranslation();
  const words = facetNames.map((name) => {
    const { value, servers } = facets[name];
    const shown = t(`facet.value.${value.toLowerCase()}`, { defaultValue: value.toLowerCase() });
    return `${t(`facet.${name}`)}: ${shown}${servers ? ` ${servers.have}/${servers.of}` : ""}`;
  });
  return (
    <span className={css.facets} role="img" aria-label={words.join(", ")} title={words.join("\n")}>
      {facetNames.map((name) => (
        <span key={name} className={css.facet} data-tone={facetTone(name, facets[name].value)} />
      ))}
    </span>
  );
}
