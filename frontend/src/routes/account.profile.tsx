import { createFileRoute } from "@tanstack/react-router";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { Details } from "#/features/profile/Details.tsx";
import { EmailAddress } from "#/features/profile/EmailAddress.tsx";
import { Erase } from "#/features/profile/Erase.tsx";
import { PostalAddress } from "#/features/profile/PostalAddress.tsx";
import css from "#/features/profile/profile.module.css";
import { Telephone } from "#/features/profile/Telephone.tsx";
import type { accountProfileQuery } from "#/relay/__generated__/accountProfileQuery.graphql.ts";
import type { accountProfileSubscription } from "#/relay/__generated__/accountProfileSubscription.graphql.ts";
import { graphql, preload, useFeed, usePreloaded } from "#/relay/index.ts";
import { NotFound } from "#/shell/States.tsx";
import { PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query accountProfileQuery {
    viewer {
      profile {
        version
        email
        ...Details_profile
        ...PostalAddress_profile
        ...EmailAddress_profile
        ...Telephone_profile
      }
    }
  }
`;

const feed = graphql`
  subscription accountProfileSubscription {
    viewerChanged {
      profile {
        email
        emailVerified
        phone
        phoneVerified
      }
    }
  }
`;

export const Route = createFileRoute("/account/profile")({
  staticData: { texts: ["account", "profile"] },
  loader: () => preload<accountProfileQuery>(query, {}),
  component: function Profile() {
    const { t } = useTranslation();
    const { profile } = usePreloaded<accountProfileQuery>(query, Route.useLoaderData()).viewer;
    useFeed<accountProfileSubscription>({ subscription: feed, variables: {} });
    // What the forms were typed over: what others do meanwhile shows when one is saved, not before.
    const version = useRef(profile?.version ?? 0);
    if (!profile) return <NotFound />;
    return (
      <>
        <PageHeader tab={t("profile.title")} title={t("profile.title")} text={t("profile.text")} />
        <div className={css.stack}>
          <Details profile={profile} version={version} />
          <EmailAddress profile={profile} />
          <Telephone profile={profile} version={version} />
          <PostalAddress profile={profile} version={version} />
          <Erase email={profile.email ?? ""} />
        </div>
      </>
    );
  },
});
