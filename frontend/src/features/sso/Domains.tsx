import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { DomainsCheckMutation } from "#/relay/__generated__/DomainsCheckMutation.graphql.ts";
import type { DomainsRemoveMutation } from "#/relay/__generated__/DomainsRemoveMutation.graphql.ts";
import type { DomainsStartMutation } from "#/relay/__generated__/DomainsStartMutation.graphql.ts";
import type { SingleSignOnQuery } from "#/relay/__generated__/SingleSignOnQuery.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { CopyButton } from "#/ui/CopyButton.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./sso.module.css";

type Domain = SingleSignOnQuery["response"]["ssoDomains"][number];
type Props = { organizationId: string; domains: readonly Domain[]; onChanged: () => void };

/** How often the page looks by itself while a record is awaited. */
const LOOK_MS = 30_000;

/** Mail domains with the record that proves each. */
export function Domains({ organizationId, domains, onChanged }: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const start = useAction<DomainsStartMutation>(
    graphql`
      mutation DomainsStartMutation($organizationId: ID!, $domain: String!) {
        startSsoDomain(organizationId: $organizationId, domain: $domain) {
          domain
        }
      }
    `,
    {
      onDone: () => {
        setTyped("");
        onChanged();
      },
    },
  );
  function submit(event: FormEvent) {
    event.preventDefault();
    void start.run({ organizationId, domain: typed.trim().replace(/^.*@/, "") });
  }
  return (
    <Card
      flush={domains.length > 0}
      title={t("sso.domain.title")}
      text={t("sso.domain.text")}
      foot={
        <form onSubmit={submit} className={css.add} style={{ width: "100%" }}>
          <TextInput
            label={t("sso.domain.add")}
            placeholder="example.com"
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            error={start.failed?.find("INVALID")?.message}
            classNames={{ input: "mono" }}
            spellCheck={false}
            autoCapitalize="none"
            required
            withAsterisk={false}
          />
          <Button type="submit" loading={start.pending}>
            {t("sso.domain.action")}
          </Button>
          {start.failed && !start.failed.has("INVALID") && <ErrorCard problem={start.failed} />}
        </form>
      }
    >
      {domains.length > 0 && (
        <ul className={css.list} aria-label={t("sso.domain.title")}>
          {domains.map((one) => (
            <Row key={one.domain} organizationId={organizationId} domain={one} onChanged={onChanged} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Row({ organizationId, domain, onChanged }: { organizationId: string; domain: Domain; onChanged: () => void }) {
  const { t } = useTranslation();
  const proven = domain.state === "PROVEN";
  const check = useAction<DomainsCheckMutation>(
    graphql`
      mutation DomainsCheckMutation($organizationId: ID!, $domain: String!) {
        checkSsoDomain(organizationId: $organizationId, domain: $domain) {
          domain
          state
        }
      }
    `,
    { onDone: onChanged },
  );
  const remove = useAction<DomainsRemoveMutation>(
    graphql`
      mutation DomainsRemoveMutation($organizationId: ID!, $domain: String!) {
        removeSsoDomain(organizationId: $organizationId, domain: $domain) {
          ok
        }
      }
    `,
    { onDone: onChanged },
  );
  const of = { organizationId, domain: domain.domain };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the look itself changes with every render
  useEffect(() => {
    if (proven) return;
    const timer = setInterval(() => document.visibilityState === "visible" && void check.run(of), LOOK_MS);
    return () => clearInterval(timer);
  }, [proven, domain.domain]);
  return (
    <li>
      <div className={css.row}>
        <div>
          <strong className="mono">{domain.domain}</strong>{" "}
          <Status tone={proven ? "good" : "busy"}>{t(proven ? "sso.domain.proven" : "sso.domain.pending")}</Status>
          {domain.checkedAt && (
            <p>
              {t("sso.domain.checked")} <RelativeTime at={domain.checkedAt} />
            </p>
          )}
        </div>
        <div className={css.actions}>
          <Button variant="default" loading={check.pending} onClick={() => void check.run(of)}>
            {t("sso.domain.check")}
          </Button>
          <Button variant="default" c="var(--np-bad)" loading={remove.pending} onClick={() => void remove.run(of)}>
            {t("sso.domain.remove")}
          </Button>
        </div>
      </div>
      {(!proven || domain.lastError) && (
        <>
          <p>{t("sso.domain.record")}</p>
          <dl className={css.record}>
            <dt>{t("sso.domain.name")}</dt>
            <dd className="mono">{domain.recordName}</dd>
            <dd>
              <CopyButton text={domain.recordName} what={t("sso.domain.name")} />
            </dd>
            <dt>{t("sso.domain.value")}</dt>
            <dd className="mono">{domain.recordValue}</dd>
            <dd>
              <CopyButton text={domain.recordValue} what={t("sso.domain.value")} />
            </dd>
          </dl>
        </>
      )}
      {domain.lastError && <p role="status">{t("sso.domain.seen", { text: domain.lastError })}</p>}
      {check.failed && <ErrorCard problem={check.failed} />}
      {remove.failed && <ErrorCard problem={remove.failed} />}
    </li>
  );
}
