import { createFileRoute } from "@tanstack/react-router";
import { OperatorFrame, operating } from "#/features/operate/frame.tsx";

export const Route = createFileRoute("/audit")({
  staticData: { texts: ["operate"] },
  ...operating,
  component: function Audit() {
    return <OperatorFrame data={Route.useLoaderData()} />;
  },
});
