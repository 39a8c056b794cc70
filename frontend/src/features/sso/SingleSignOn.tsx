import { Button } from "@mantine/core";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { SingleSignOnDeleteMutation } from "#/relay/__generated__/SingleSignOnDeleteMutation.graphql.ts";
import type { SingleSignOnQuery } from "#/relay/__generated__/SingleSignOnQuery.graphql.ts";
import { failedOf, graphql, type RequestFailed, read, useAction } from "#/relay/index.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { Status } from "#/ui/Status.tsx";
import { toast } from "#/ui/toast.ts";
import { Domains } from "./Domains.tsx";
import { leave } from "./leave.ts";
import css from "./sso.module.css";
import { Word } from "./Word.tsx";

const ProviderForm = lazy(() => import("./ProviderForm.tsx"));

export type Config = SingleSignOnQuery["response"]["ssoProviderConfigs"][number];
type Props = { organization: { id: string; slug: string }; word?: string };

/** An organization's own providers, and the mail domains that they speak for. */
export default function SingleSignOn({ organization, word }: Props) {
  const { t } = useTranslation();
  const [data, setData] = useState<SingleSignOnQuery["response"] | null>(null);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const [editing, setEditing] = useState<Config | "new" | null>(null);
  const [removing, setRemoving] = useState<Config | null>(null);
  const load = useCallback(
    () =>
      read<SingleSignOnQuery>(
        graphql`
          # together: providers are shown by what the domains prove, and both are an owner's alone
          query SingleSignOnQuery($organizationId: ID!) {
            ssoProviderConfigs(organizationId: $organizationId) {
              id
              slug
              name
              issuer
              clientId
              scopes
              emailDomains
              trustEmail
              enabled
              redirectUri
              lastError
              version
            }
            ssoDomains(organizationId: $organizationId) {
              domain
              state
              recordName
              recordValue
              checkedAt
              provenAt
              lastError
            }
          }
        `,
        { organizationId: organization.id },
        true,
      ).then(setData, (error: unknown) => setFailed(failedOf(error))),
    [organization.id],
  );
  useEffect(() => void load(), [load]);
  const top = useRef<HTMLDivElement>(null);
  const shown = data !== null;
  useEffect(() => {
    if (word && shown) top.current?.scrollIntoView(); // who comes back from the provider sees what became of it
  }, [word, shown]);
  const remove = useAction<SingleSignOnDeleteMutation>(
    graphql`
      mutation SingleSignOnDeleteMutation($id: ID!) {
        deleteSsoProvider(id: $id) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        setRemoving(null);
        toast(t("sso.provider.removed"));
        void load();
      },
    },
  );
  if (failed) return <ErrorCard problem={failed} />;
  if (!data) return null;
  const here = `/${organization.slug}/settings`;
  const proven = data.ssoDomains.some((one) => one.state === "PROVEN");
  return (
    <div className={css.stack} id="sso" ref={top}>
      <Word word={word} />
      <Card
        flush={data.ssoProviderConfigs.length > 0}
        title={t("sso.title")}
        text={t("sso.text")}
        foot={<Button onClick={() => setEditing("new")}>{t("sso.provider.add")}</Button>}
      >
        {data.ssoProviderConfigs.length === 0 ? (
          <p className="dim">{t("sso.provider.none")}</p>
        ) : (
          <ul className={css.list} aria-label={t("sso.title")}>
            {data.ssoProviderConfigs.map((one) => (
              <li key={one.id}>
                <div className={css.row}>
                  <div>
                    <strong>{one.name}</strong>{" "}
                    <Status tone={one.enabled ? "good" : "none"}>{t(one.enabled ? "sso.on" : "sso.off")}</Status>
                    <p className="mono">{one.issuer}</p>
                  </div>
                  <div className={css.actions}>
                    <Button variant="default" onClick={() => void leave(`sso/${one.slug}`, { purpose: "test", returnTo: here })}>
                      {t("sso.provider.test")}
                    </Button>
                    <Button variant="default" onClick={() => setEditing(one)}>
                      {t("sso.provider.edit")}
                    </Button>
                    <Button variant="default" c="var(--np-bad)" onClick={() => setRemoving(one)}>
                      {t("sso.provider.remove")}
                    </Button>
                  </div>
                </div>
                {one.lastError && <p role="alert">{t("sso.provider.lastError", { text: one.lastError })}</p>}
                {one.enabled && !proven && <p>{t("sso.provider.unproven")}</p>}
              </li>
            ))}
          </ul>
        )}
      </Card>
      <Domains organizationId={organization.id} domains={data.ssoDomains} onChanged={load} />
      {editing && (
        <Suspense>
          <ProviderForm
            organizationId={organization.id}
            config={editing === "new" ? null : editing}
            domains={data.ssoDomains.map((one) => one.domain)}
            onClose={() => setEditing(null)}
            onSaved={() => {
              setEditing(null);
              toast(t("saved"));
              void load();
            }}
          />
        </Suspense>
      )}
      <Confirm
        opened={removing !== null}
        onClose={() => {
          setRemoving(null);
          remove.clear();
        }}
        title={t("sso.provider.removeTitle", { provider: removing?.name ?? "" })}
        name={removing?.slug}
        action={t("sso.provider.remove")}
        pending={remove.pending}
        onConfirm={() => removing && void remove.run({ id: removing.id })}
        failure={remove.failed && <ErrorCard problem={remove.failed} />}
      >
        {t("sso.provider.removeText")}
      </Confirm>
    </div>
  );
}
