import { createFileRoute, redirect } from "@tanstack/react-router";
import { Login } from "#/features/account/Login.tsx";
import { signedIn } from "#/relay/session.ts";

/** Only an address of this site is followed after signing in. */
function local(value: unknown): string | undefined {
  return typeof value === "string" && /^\/(?![/\\])/.test(value) ? value : undefined;
}

export const Route = createFileRoute("/login")({
  staticData: { texts: ["factors", "sso"] },
  validateSearch: (search: Record<string, unknown>): { returnTo?: string; sso?: string; mfa?: number } => ({
    returnTo: local(search.returnTo),
    sso: typeof search.sso === "string" ? search.sso : undefined,
    mfa: search.mfa ? 1 : undefined,
  }),
  beforeLoad: async ({ search }) => {
    if (await signedIn().catch(() => false)) throw redirect({ href: search.returnTo ?? "/" });
  },
  component: function LoginPage() {
    const { returnTo, sso } = Route.useSearch();
    return <Login returnTo={returnTo} word={sso} />;
  },
});
