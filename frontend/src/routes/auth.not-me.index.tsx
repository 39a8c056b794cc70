import { createFileRoute } from "@tanstack/react-router";
import { tokenOf } from "#/features/account/token.ts";
import { NotMe } from "#/features/profile/NotMe.tsx";

export const Route = createFileRoute("/auth/not-me/")({
  staticData: { texts: ["profile"] },
  component: function NotMePage() {
    return <NotMe token={tokenOf("notMe")} />;
  },
});
