import { createFileRoute } from "@tanstack/react-router";
import { ConfirmLink } from "#/features/account/ConfirmLink.tsx";
import { tokenOf } from "#/features/account/token.ts";

export const Route = createFileRoute("/confirm/")({
  staticData: { texts: ["account"] },
  component: function ConfirmPage() {
    return <ConfirmLink token={tokenOf("confirm")} />;
  },
});
