import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Links_query$key } from "#/relay/__generated__/Links_query.graphql.ts";
import type { LinksOfferQuery } from "#/relay/__generated__/LinksOfferQuery.graphql.ts";
import type { LinksRefetchQuery } from "#/relay/__generated__/LinksRefetchQuery.graphql.ts";
import type { LinksUnlinkMutation } from "#/relay/__generated__/LinksUnlinkMutation.graphql.ts";
import { graphql, read, useAction, useRefetchableFragment } from "#/relay/index.ts";
import { ask } from "#/relay/session.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { toast } from "#/ui/toast.ts";
import { leave } from "./leave.ts";
import css from "./sso.module.css";

type Provider = { slug: string; name: string };

/** The providers that know this person, and those that could. */
export function Links({ query }: { query: Links_query$key }) {
  const { t } = useTranslation();
  const [{ identity }, refetch] = useRefetchableFragment<LinksRefetchQuery, Links_query$key>(
    graphql`
      fragment Links_query on Query @refetchable(queryName: "LinksRefetchQuery") {
        identity {
          mfaEnabled
          ssoLinks {
            provider {
              slug
              name
            }
            subject
            email
            linkedAt
            lastSignInAt
          }
        }
      }
    `,
    query,
  );
  const [offered, setOffered] = useState<readonly Provider[]>([]);
  const [removing, setRemoving] = useState<Provider | null>(null);
  useEffect(() => {
    let gone = false;
    read<LinksOfferQuery>(
      graphql`
        query LinksOfferQuery {
          ssoProviders {
            slug
            name
          }
        }
      `,
      {},
    ).then(
      ({ ssoProviders }) => gone || setOffered(ssoProviders),
      () => {},
    );
    return () => {
      gone = true;
    };
  }, []);
  const unlink = useAction<LinksUnlinkMutation>(
    graphql`
      mutation LinksUnlinkMutation($provider: String!) {
        unlinkSso(provider: $provider) {
          hasPassword
        }
      }
    `,
    {
      onDone: () => {
        setRemoving(null);
        toast(t("sso.links.removed"));
        refetch({}, { fetchPolicy: "store-and-network" });
      },
    },
  );
  const links = identity.ssoLinks;
  const others = offered.filter((one) => !links.some((link) => link.provider.slug === one.slug));
  if (links.length === 0 && others.length === 0) return null;
  return (
    <Card
      flush={links.length > 0}
      title={t("sso.title")}
      text={t("sso.links.text")}
      foot={
        others.length > 0 && (
          <div className={css.actions}>
            {others.map((one) => (
              <Button
                key={one.slug}
                variant="default"
                onClick={async () => {
                  const methods = identity.mfaEnabled ? [] : ["password"];
                  const proven = await ask("stepUp", { code: "STEP_UP_REQUIRED", message: "", methods });
                  if (proven) await leave(`sso/${one.slug}`, { purpose: "link", returnTo: "/account/security" });
                }}
              >
                {t("sso.links.add", { provider: one.name })}
              </Button>
            ))}
          </div>
        )
      }
    >
      {links.length === 0 ? (
        <p className="dim">{t("sso.links.none")}</p>
      ) : (
        <ul className={css.list} aria-label={t("sso.title")}>
          {links.map(({ provider, email, subject, linkedAt, lastSignInAt }) => (
            <li key={provider.slug} className={css.row}>
              <div>
                <strong>{provider.name}</strong>
                <p>{email ?? subject}</p>
                <p>
                  {t(lastSignInAt ? "sso.links.last" : "sso.links.since")} <RelativeTime at={lastSignInAt ?? linkedAt} />
                </p>
              </div>
              <Button variant="default" onClick={() => setRemoving(provider)}>
                {t("sso.links.remove")}
              </Button>
            </li>
          ))}
        </ul>
      )}
      <Confirm
        opened={removing !== null}
        onClose={() => {
          setRemoving(null);
          unlink.clear();
        }}
        title={t("sso.links.removeTitle", { provider: removing?.name ?? "" })}
        action={t("sso.links.remove")}
        pending={unlink.pending}
        onConfirm={() => removing && void unlink.run({ provider: removing.slug })}
        failure={unlink.failed && <ErrorCard problem={unlink.failed} />}
      >
        {t("sso.links.removeText")}
      </Confirm>
    </Card>
  );
}
