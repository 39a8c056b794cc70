import { createFileRoute } from "@tanstack/react-router";
import { OperatorFrame, operating } from "#/features/operate/frame.tsx";

export const Route = createFileRoute("/ops")({
  staticData: { texts: ["operate"] },
  ...operating,
  component: function Ops() {
    return <OperatorFrame data={Route.useLoaderData()} />;
  },
});
