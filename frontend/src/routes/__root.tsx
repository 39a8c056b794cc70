import { createRootRoute, Outlet, useMatches } from "@tanstack/react-router";
import { use } from "react";
import { type Catalogue, haveTexts, texts } from "#/i18n/index.ts";

declare module "@tanstack/react-router" {
  interface StaticDataRouteOption {
    /** Catalogues that the page needs beyond `shell`. */
    texts?: readonly Catalogue[];
  }
}

const wanted = (matches: { staticData: { texts?: readonly Catalogue[] } }[]) => matches.flatMap((match) => match.staticData.texts ?? []);

const asked = new Map<string, Promise<void>>();

/** The same promise while it is under way: React asks again with each try to draw. */
function once(names: readonly Catalogue[]): Promise<void> {
  const key = names.join();
  const promise = asked.get(key) ?? texts(names).finally(() => asked.delete(key));
  asked.set(key, promise);
  return promise;
}

export const Route = createRootRoute({
  // Begun here, beside the page's data and code, and awaited where the page is drawn.
  beforeLoad: ({ matches }) => {
    once(wanted(matches)).catch(() => {});
  },
  component: function Root() {
    const names = useMatches({ select: wanted, structuralSharing: true });
    if (!haveTexts(names)) use(once(names));
    return <Outlet />;
  },
});
