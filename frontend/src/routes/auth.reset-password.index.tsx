import { createFileRoute } from "@tanstack/react-router";
import { DeadReset, ResetPassword } from "#/features/account/ResetPassword.tsx";
import { tokenOf } from "#/features/account/token.ts";
import type { authResetPasswordQuery } from "#/relay/__generated__/authResetPasswordQuery.graphql.ts";
import { graphql, read } from "#/relay/index.ts";

const query = graphql`
  query authResetPasswordQuery($token: Secret!) {
    verifyPasswordReset(token: $token) {
      valid
      expiresAt
      authenticators {
        id
        kind
        label
        destinationHint
      }
    }
  }
`;

export const Route = createFileRoute("/auth/reset-password/")({
  staticData: { texts: ["account"] },
  loader: async () => {
    const token = tokenOf("reset");
    if (!token) return null;
    const { verifyPasswordReset: check } = await read<authResetPasswordQuery>(query, { token }, true);
    return check.valid && check.expiresAt ? { token, expiresAt: check.expiresAt, authenticators: check.authenticators } : null;
  },
  component: function ResetPasswordPage() {
    const link = Route.useLoaderData();
    return link ? <ResetPassword {...link} /> : <DeadReset />;
  },
});
