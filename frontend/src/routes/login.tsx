import { createFileRoute, redirect } from "@tanstack/react-router";
import { Login } from "#/features/account/Login.tsx";
import { signedIn } from "#/relay/session.ts";

/** Only an address of this site is followed after signing in. */
function local(value: unknown): string | undefined {
  return typeof value === "string" && /^\/(?![/\\])/.test(value) ? value : undefined;
}

export const Route = createFileRoute("/login")({
  staticData: { texts: ["factors"] },
  validateSearch: (search: Record<string, unknown>): { returnTo?: string } => ({ returnTo: local(search.returnTo) }),
  beforeLoad: async ({ search }) => {
    if (await signedIn().catch(() => false)) throw redirect({ href: search.returnTo ?? "/" });
  },
  component: function LoginPage() {
    const { returnTo } = Route.useSearch();
    return <Login returnTo={returnTo} />;
  },
});
