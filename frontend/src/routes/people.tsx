import { createFileRoute } from "@tanstack/react-router";
import { OperatorFrame, operating } from "#/features/operate/frame.tsx";

export const Route = createFileRoute("/people")({
  staticData: { texts: ["operate"] },
  ...operating,
  component: function People() {
    return <OperatorFrame data={Route.useLoaderData()} />;
  },
});
