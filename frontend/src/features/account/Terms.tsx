import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { TermsAcceptMutation } from "#/relay/__generated__/TermsAcceptMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./account.module.css";
import { PublicPage } from "./PublicPage.tsx";

const parts = ["service", "account", "domains", "data", "end"] as const;

/** What people agree to. `asked` is the version that this person has not accepted yet. */
export function Terms({ asked }: { asked: string | null }) {
  const { t } = useTranslation();
  const [done, setDone] = useState(false);
  const accept = useAction<TermsAcceptMutation>(
    graphql`
      mutation TermsAcceptMutation($version: String!) {
        acceptTerms(version: $version) {
          userId
          termsToAccept
        }
      }
    `,
    { onDone: () => setDone(true) },
  );
  return (
    <PublicPage tab={t("terms.title")} title={t("terms.title")} text={t("terms.text")}>
      <div className={css.terms}>
        {parts.map((part) => (
          <section key={part}>
            <h2>{t(`terms.${part}.title`)}</h2>
            <p>{t(`terms.${part}.text`)}</p>
          </section>
        ))}
      </div>
      {accept.failed && <ErrorCard problem={accept.failed} />}
      {asked && !done && (
        <Button size="md" fullWidth loading={accept.pending} onClick={() => void accept.run({ version: asked })}>
          {t("terms.accept")}
        </Button>
      )}
      {done && <p role="status">{t("terms.accepted")}</p>}
      {(done || !asked) && (
        <Button component={Link} to="/" variant="default" size="md" fullWidth>
          {t("terms.back")}
        </Button>
      )}
    </PublicPage>
  );
}
