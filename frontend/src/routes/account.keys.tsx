import { createFileRoute } from "@tanstack/react-router";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Machines } from "#/features/machines/Machines.tsx";
import css from "#/features/machines/machines.module.css";
import { OwnKeys } from "#/features/machines/OwnKeys.tsx";
import type { accountKeysQuery } from "#/relay/__generated__/accountKeysQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { Card, PageHeader } from "#/ui/Page.tsx";

const query = graphql`
  query accountKeysQuery {
    viewer {
      userId
    }
    ...Machines_query
  }
`;

export const Route = createFileRoute("/account/keys")({
  staticData: { texts: ["programs"] },
  loader: () => preload<accountKeysQuery>(query, {}),
  component: function Keys() {
    const { t } = useTranslation();
    const data = usePreloaded<accountKeysQuery>(query, Route.useLoaderData());
    return (
      <>
        <PageHeader tab={t("programs.title")} title={t("programs.title")} text={t("programs.text")} />
        <div className={css.stack}>
          <Machines query={data} />
          <Card flush title={t("programs.own")} text={t("programs.ownText")}>
            <Suspense>{data.viewer.userId && <OwnKeys userId={data.viewer.userId} none={t("programs.noKeys")} />}</Suspense>
          </Card>
        </div>
      </>
    );
  },
});
