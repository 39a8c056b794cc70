import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import css from "#/features/account/account.module.css";
import { ChangePassword } from "#/features/account/ChangePassword.tsx";
import { Sessions } from "#/features/account/Sessions.tsx";
import { Factors } from "#/features/factors/Factors.tsx";
import { Links } from "#/features/sso/Links.tsx";
import { Word } from "#/features/sso/Word.tsx";
import type { accountSecurityQuery } from "#/relay/__generated__/accountSecurityQuery.graphql.ts";
import type { accountSecuritySessionsQuery } from "#/relay/__generated__/accountSecuritySessionsQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const identity = graphql`
  # together: how somebody signs in is one picture
  query accountSecurityQuery {
    identity {
      hasPassword
      passwordChangedAt
    }
    ...Factors_query
    ...Links_query
  }
`;

const sessions = graphql`
  query accountSecuritySessionsQuery {
    ...Sessions_query
  }
`;

export const Route = createFileRoute("/account/security")({
  staticData: { texts: ["account", "factors", "sso"] },
  validateSearch: (search: Record<string, unknown>): { sso?: string } => ({ sso: typeof search.sso === "string" ? search.sso : undefined }),
  loader: async () => {
    const [one, two] = await Promise.all([
      preload<accountSecurityQuery>(identity, {}),
      preload<accountSecuritySessionsQuery>(sessions, {}),
    ]);
    return { identity: one, sessions: two };
  },
  component: function Security() {
    const { t } = useTranslation();
    const { sso } = Route.useSearch();
    const loaded = Route.useLoaderData();
    const proofs = usePreloaded<accountSecurityQuery>(identity, loaded.identity);
    const how = proofs.identity;
    const where = usePreloaded<accountSecuritySessionsQuery>(sessions, loaded.sessions);
    return (
      <>
        <PageHeader tab={t("account.security")} title={t("account.security")} text={t("security.text")} />
        <div className={css.stack}>
          <Word word={sso} />
          <ChangePassword hasPassword={how.hasPassword} changedAt={how.passwordChangedAt ?? null} />
          <Factors query={proofs} />
          <Links query={proofs} />
          <Sessions query={where} />
        </div>
      </>
    );
  },
});
