import { createFileRoute, redirect } from "@tanstack/react-router";
import { takeToken } from "#/features/account/token.ts";

/** The mail's link: the token leaves the address before anything is shown. */
export const Route = createFileRoute("/auth/reset-password/$token")({
  beforeLoad: ({ params }) => {
    takeToken("reset", params.token);
    throw redirect({ to: "/auth/reset-password", replace: true });
  },
});
