import { createFileRoute, redirect } from "@tanstack/react-router";
import { takeToken } from "#/features/account/token.ts";

/** The mail's link: the token leaves the address before anything is shown. */
export const Route = createFileRoute("/auth/not-me/$token")({
  beforeLoad: ({ params }) => {
    takeToken("notMe", params.token);
    throw redirect({ to: "/auth/not-me", replace: true });
  },
});
