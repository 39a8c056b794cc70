import { createFileRoute, redirect } from "@tanstack/react-router";
import { takeToken } from "#/features/account/token.ts";

/** The mail's link: the token leaves the address before anything is shown. */
export const Route = createFileRoute("/confirm/$token")({
  beforeLoad: ({ params }) => {
    takeToken("confirm", params.token);
    throw redirect({ to: "/confirm", replace: true });
  },
});
