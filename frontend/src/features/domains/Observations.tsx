import { useTranslation } from "react-i18next";
import type { Observations_list$data, Observations_list$key } from "#/relay/__generated__/Observations_list.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { CopyButton } from "#/ui/CopyButton.tsx";
import { exact } from "#/ui/RelativeTime.tsx";
import css from "./evidence.module.css";
import { raw } from "./servers.ts";

type Observation = Observations_list$data[number];

/** The flags of an answer as dig writes them, with what they mean. */
const flags = (one: Observation) => [one.authoritative && "aa", one.authenticated && "ad"].filter((flag) => flag !== false);

/** One answer as text, for a support ticket. */
export const asText = (one: Observation, alias?: readonly string[]) =>
  [
    `; ${one.at} ${one.source} (IPv${one.family}, ${(one.elapsedUs / 1000).toFixed(1)} ms)`,
    `;; ${one.name.replace(/\.$/, "")}. ${one.type}  status: ${one.rcode || "-"}  flags: ${flags(one).join(" ") || "-"}`,
    ...(one.error ? [`;; ${one.error}`] : raw(one.name, one.type, one, alias)),
  ].join("\n");

/** Who said what when: every answer as it came, with rcode, flags and time. */
export function Observations({ observations, server }: { observations: Observations_list$key; server?: string }) {
  const { t, i18n } = useTranslation();
  const all = useFragment(
    graphql`
      fragment Observations_list on Observation @relay(plural: true) {
        id
        at
        source
        sourceKind
        family
        name
        type
        values
        ttl
        rcode
        authoritative
        authenticated
        elapsedUs
        error
      }
    `,
    observations,
  );
  const shown = server ? all.filter((one) => one.source === server) : all;
  const aliasOf = (one: Observation) =>
    all.find((other) => other.type === "CNAME" && other.source === one.source && other.name === one.name)?.values;
  if (shown.length === 0) return <p className="dim">{t("evidence.none")}</p>;
  return (
    <div className={css.answers}>
      <div className={css.tools}>
        <span className="dim">{t("evidence.count", { count: shown.length })}</span>
        <span className={css.copyAll}>
          {t("evidence.copyAll")}
          <CopyButton text={shown.map((one) => asText(one, aliasOf(one))).join("\n\n")} what={t("evidence.all")} />
        </span>
      </div>
      <ol>
        {shown.map((one) => (
          <li key={one.id} className={css.answer} data-silent={one.error || !one.rcode || undefined}>
            <div className={css.question}>
              <b className="mono">
                {one.name.replace(/\.$/, "")} {one.type}
              </b>
              <span className="mono dim">{one.source}</span>
            </div>
            {one.error ? (
              <p className={css.error}>{one.error}</p>
            ) : (
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region has to be reachable by keyboard
              <pre dir="ltr" translate="no" tabIndex={0} role="region" aria-label={`${one.name} ${one.type}`}>
                {raw(one.name, one.type, one, aliasOf(one)).join("\n") || t("evidence.empty")}
              </pre>
            )}
            <dl>
              <div>
                <dt>rcode</dt>
                <dd className="mono">{one.rcode || "–"}</dd>
              </div>
              <div>
                <dt>{t("evidence.flags")}</dt>
                <dd className="mono">
                  {flags(one).map((flag) => (
                    <abbr key={flag} title={t(`evidence.flag.${flag}`)}>
                      {flag}
                    </abbr>
                  ))}
                  {flags(one).length === 0 && "–"}
                </dd>
              </div>
              <div>
                <dt>{t("evidence.took")}</dt>
                <dd className="tabular">{(one.elapsedUs / 1000).toFixed(1)} ms</dd>
              </div>
              <div>
                <dt>{t("evidence.at")}</dt>
                <dd className="tabular">{exact(one.at, i18n.language)}</dd>
              </div>
            </dl>
          </li>
        ))}
      </ol>
    </div>
  );
}
