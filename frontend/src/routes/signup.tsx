import { createFileRoute } from "@tanstack/react-router";
import { SignUp } from "#/features/account/SignUp.tsx";
import { tokenOf } from "#/features/account/token.ts";

export const Route = createFileRoute("/signup")({
  staticData: { texts: ["account"] },
  component: function SignUpPage() {
    return <SignUp invitation={tokenOf("invite") ?? undefined} />;
  },
});
