import { lazy, Suspense } from "react";
import { usePrompt } from "#/relay/session.ts";

const Proof = lazy(() => import("./Proof.tsx"));

/** Session over and step-up: dialogs over the page. What was typed stays, and the call runs again by itself. */
export function Prompts() {
  const prompt = usePrompt();
  return (
    prompt && (
      <Suspense>
        <Proof key={prompt.kind} prompt={prompt} />
      </Suspense>
    )
  );
}
