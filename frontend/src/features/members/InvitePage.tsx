import { Button } from "@mantine/core";
import { IconMail, IconMailOff } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { InvitePageAcceptMutation } from "#/relay/__generated__/InvitePageAcceptMutation.graphql.ts";
import type { InvitePageDeclineMutation } from "#/relay/__generated__/InvitePageDeclineMutation.graphql.ts";
import type { InvitePageQuery } from "#/relay/__generated__/InvitePageQuery.graphql.ts";
import { failedOf, graphql, type RequestFailed, read, useAction } from "#/relay/index.ts";
import { Empty } from "#/ui/Empty.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";

const query = graphql`
  query InvitePageQuery($token: Secret!) {
    invitation(token: $token) {
      email
      organizationName
      invitedBy
      expiresAt
    }
  }
`;

/** Who invites to what, and the two answers. */
export function InvitePage({ token, signedIn }: { token: string; signedIn: boolean }) {
  const { t } = useTranslation();
  const [found, setFound] = useState<InvitePageQuery["response"]["invitation"] | null>(null);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const [end, setEnd] = useState<"declined" | "waiting" | null>(null);
  useEffect(() => {
    document.title = `${t("invitations.title")} · Nameplate`;
    read<InvitePageQuery>(query, { token }, true).then(
      (data) => setFound(data.invitation),
      (error) => setFailed(failedOf(error)),
    );
  }, [token, t]);
  const accept = useAction<InvitePageAcceptMutation>(
    graphql`
      mutation InvitePageAcceptMutation($id: ID, $token: Secret) {
        acceptInvitation(id: $id, token: $token) {
          id
          status
          organizationSlug
        }
      }
    `,
    {
      onDone: ({ acceptInvitation: { status, organizationSlug } }) => {
        if (status === "AWAITING_CONFIRMATION") setEnd("waiting");
        else location.assign(organizationSlug ? `/${organizationSlug}` : "/");
      },
    },
  );
  const decline = useAction<InvitePageDeclineMutation>(
    graphql`
      mutation InvitePageDeclineMutation($id: ID, $token: Secret) {
        declineInvitation(id: $id, token: $token) {
          ok
        }
      }
    `,
    { onDone: () => setEnd("declined") },
  );
  if (failed && !failed.has("NOT_FOUND"))
    return (
      <main>
        <ErrorCard title={t("error.page")} problem={failed} onRetry={() => location.reload()} />
      </main>
    );
  if (failed || end)
    return (
      <main>
        <Empty
          page
          icon={<IconMailOff size={22} />}
          title={t(end ? `invitations.${end}.title` : "invitations.dead.title")}
          actions={
            <Button component="a" href="/" variant="default">
              {t("notFound.home")}
            </Button>
          }
        >
          {t(end ? `invitations.${end}.text` : "invitations.dead.text")}
        </Empty>
      </main>
    );
  if (!found) return <main aria-busy="true" />;
  const here = `/invite/${token}`;
  return (
    <main>
      <Empty
        page
        icon={<IconMail size={22} />}
        title={
          found.organizationName
            ? t("invitations.to", { inviter: found.invitedBy, organization: found.organizationName })
            : t("invitations.toUs", { inviter: found.invitedBy })
        }
        actions={
          <>
            {signedIn ? (
              <Button loading={accept.pending} onClick={() => accept.run({ token })}>
                {t("invitations.accept")}
              </Button>
            ) : (
              <>
                <Button component="a" href={`/login?returnTo=${encodeURIComponent(here)}`}>
                  {t("login.action")}
                </Button>
                <Button component="a" href={`/signup?invitation=${token}`} variant="default">
                  {t("invitations.register")}
                </Button>
              </>
            )}
            <Button variant="subtle" loading={decline.pending} onClick={() => decline.run({ token })}>
              {t("invitations.decline")}
            </Button>
          </>
        }
      >
        {t("invitations.for", { email: found.email })} {t("invitations.until")} <RelativeTime at={found.expiresAt} />.
      </Empty>
      {(accept.failed ?? decline.failed) && <ErrorCard problem={(accept.failed ?? decline.failed) as RequestFailed} />}
    </main>
  );
}
