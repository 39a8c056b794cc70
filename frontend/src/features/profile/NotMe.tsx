import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { NotMeMutation } from "#/relay/__generated__/NotMeMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { PublicPage } from "../account/PublicPage.tsx";
import { dropToken } from "../account/token.ts";
import { DeadLink } from "./ConfirmEmail.tsx";

/** "This was not me": the change is taken back, everybody is signed out, and a new password comes next. */
export function NotMe({ token }: { token: string | null }) {
  const { t } = useTranslation();
  const [done, setDone] = useState(false);
  const undo = useAction<NotMeMutation>(
    graphql`
      mutation NotMeMutation($token: Secret!) {
        undoEmailChange(token: $token) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        dropToken("notMe");
        setDone(true);
      },
    },
  );
  if (done) {
    return (
      <PublicPage tab={t("profile.undone")} title={t("profile.undone")} text={t("profile.undoneText")}>
        <Button component={Link} to="/auth/password-reset-request" size="md" fullWidth>
          {t("profile.undoneAction")}
        </Button>
      </PublicPage>
    );
  }
  if (!token || undo.failed?.has("NOT_FOUND")) return <DeadLink text={t("profile.deadUndo")} />;
  return (
    <PublicPage tab={t("profile.notMe")} title={t("profile.notMe")} text={t("profile.notMeText")}>
      {undo.failed && <ErrorCard problem={undo.failed} />}
      <Button color="red.9" size="md" fullWidth loading={undo.pending} disabled={undo.wait > 0} onClick={() => void undo.run({ token })}>
        {undo.wait > 0 ? t("wait", { seconds: undo.wait }) : t("profile.notMeAction")}
      </Button>
    </PublicPage>
  );
}
