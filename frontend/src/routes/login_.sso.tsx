import { createFileRoute } from "@tanstack/react-router";
import { Finish } from "#/features/sso/Finish.tsx";

export const Route = createFileRoute("/login_/sso")({
  staticData: { texts: ["account", "factors", "sso"] },
  component: Finish,
});
