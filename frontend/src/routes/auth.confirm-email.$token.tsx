import { createFileRoute, redirect } from "@tanstack/react-router";
import { takeToken } from "#/features/account/token.ts";

/** The mail's link: the token leaves the address before anything is shown. */
export const Route = createFileRoute("/auth/confirm-email/$token")({
  beforeLoad: ({ params }) => {
    takeToken("changeEmail", params.token);
    throw redirect({ to: "/auth/confirm-email", replace: true });
  },
});
