import { raw } from "../../../frontend/src/features/domains/servers";
import type { DnsRecord } from "../documents";
import type { Key } from "../i18n";
import { breakable, Disclosure, Icon, useUi } from "../ui";
import { tell } from "./words";

type Seen = DnsRecord["observed"][number];

/** Four outcomes, each with a sign and a word of its own: the colour only repeats them. */
const outcomes = {
  FOUND: ["check", "good", "server.ok"],
  ABSENT: ["dot", "wait", "server.none"],
  WRONG: ["alert", "bad", "server.other"],
  COULD_NOT_ASK: ["cross", "wait", "server.error"],
} as const;

/** Server by server, because "not everywhere yet" is the usual reason to wait; what each said word for word is one click away. */
export function Servers({ record }: { record: DnsRecord }) {
  const { t } = useUi();
  return (
    <Disclosure label={t("record.servers")}>
      <ul class="servers" aria-label={t("record.servers")}>
        {record.observed.map((seen) => (
          <Server key={seen.server} record={record} seen={seen} />
        ))}
      </ul>
    </Disclosure>
  );
}

function Server({ record, seen }: { record: DnsRecord; seen: Seen }) {
  const { t, language } = useUi();
  const [icon, tone, key] = outcomes[seen.outcome as keyof typeof outcomes] ?? outcomes.COULD_NOT_ASK;
  const time = new Intl.DateTimeFormat(language.locale, { timeStyle: "medium" }).format(new Date(seen.at));
  const flags = [seen.rcode, seen.authoritative && tell(language, "raw.aa"), tell(language, "raw.at", { time })].filter(Boolean);
  return (
    <li>
      <details>
        <summary>
          <bdi dir="ltr">{breakable(seen.server)}</bdi>
          <span class={`status ${tone}`}>
            <Icon name={icon} />
            {t(key satisfies Key)}
          </span>
        </summary>
        <pre dir="ltr">{raw(record.fqdn, record.type, seen).join("\n") || `; ${tell(language, "raw.empty")}`}</pre>
        <small>{flags.join(" · ")}</small>
      </details>
    </li>
  );
}
