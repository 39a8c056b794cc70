import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ConfirmEmailMutation } from "#/relay/__generated__/ConfirmEmailMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { PublicPage } from "../account/PublicPage.tsx";
import { dropToken } from "../account/token.ts";

/** The new mailbox answers, by a press: mail scanners open links. */
export function ConfirmEmail({ token }: { token: string | null }) {
  const { t } = useTranslation();
  const [done, setDone] = useState(false);
  const confirm = useAction<ConfirmEmailMutation>(
    graphql`
      mutation ConfirmEmailMutation($token: Secret!) {
        confirmEmailChange(token: $token) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        dropToken("changeEmail");
        setDone(true);
      },
    },
  );
  if (done) {
    return (
      <PublicPage tab={t("profile.moved")} title={t("profile.moved")} text={t("profile.movedText")}>
        <Button component={Link} to="/account/profile" size="md" fullWidth>
          {t("profile.title")}
        </Button>
      </PublicPage>
    );
  }
  if (!token || confirm.failed?.has("NOT_FOUND")) return <DeadLink text={t("profile.deadText")} />;
  return (
    <PublicPage tab={t("profile.confirm")} title={t("profile.confirm")} text={t("profile.confirmText")}>
      {confirm.failed && <ErrorCard problem={confirm.failed} />}
      <Button size="md" fullWidth loading={confirm.pending} disabled={confirm.wait > 0} onClick={() => void confirm.run({ token })}>
        {confirm.wait > 0 ? t("wait", { seconds: confirm.wait }) : t("profile.confirm")}
      </Button>
    </PublicPage>
  );
}

/** Unknown, used, expired and withdrawn links look alike. */
export function DeadLink({ text }: { text: string }) {
  const { t } = useTranslation();
  return (
    <PublicPage tab={t("confirm.dead")} title={t("confirm.dead")} text={text}>
      <Button component={Link} to="/login" size="md" fullWidth>
        {t("login.action")}
      </Button>
    </PublicPage>
  );
}
