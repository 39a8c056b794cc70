import { createFileRoute } from "@tanstack/react-router";
import { OperatorFrame, operating } from "#/features/operate/frame.tsx";

export const Route = createFileRoute("/approvals")({
  staticData: { texts: ["operate"] },
  ...operating,
  component: function Approvals() {
    return <OperatorFrame data={Route.useLoaderData()} />;
  },
});
