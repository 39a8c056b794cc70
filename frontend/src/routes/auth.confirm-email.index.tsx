import { createFileRoute } from "@tanstack/react-router";
import { tokenOf } from "#/features/account/token.ts";
import { ConfirmEmail } from "#/features/profile/ConfirmEmail.tsx";

export const Route = createFileRoute("/auth/confirm-email/")({
  staticData: { texts: ["profile"] },
  component: function ConfirmEmailPage() {
    return <ConfirmEmail token={tokenOf("changeEmail")} />;
  },
});
