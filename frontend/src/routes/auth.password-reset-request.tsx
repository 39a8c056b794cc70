import { createFileRoute } from "@tanstack/react-router";
import { ResetRequest } from "#/features/account/ResetRequest.tsx";

export const Route = createFileRoute("/auth/password-reset-request")({
  staticData: { texts: ["account"] },
  component: ResetRequest,
});
