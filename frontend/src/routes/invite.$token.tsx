import { createFileRoute } from "@tanstack/react-router";
import { InvitePage } from "#/features/members/InvitePage.tsx";
import { signedIn } from "#/relay/session.ts";

/** Where the link of an invitation leads. Looking consumes nothing: mail scanners look too. */
export const Route = createFileRoute("/invite/$token")({
  staticData: { texts: ["members"] },
  loader: () => signedIn().catch(() => false),
  component: function Invite() {
    return <InvitePage token={Route.useParams().token} signedIn={Route.useLoaderData()} />;
  },
});
