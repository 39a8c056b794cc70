import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ByProviderQuery } from "#/relay/__generated__/ByProviderQuery.graphql.ts";
import { graphql, read } from "#/relay/index.ts";
import { leave } from "./leave.ts";

/** A proof by the provider in place of the password, for people who have linked one. The page comes back afterwards. */
export function ByProvider() {
  const { t } = useTranslation();
  const [name, setName] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    const query = graphql`
      query ByProviderQuery {
        identity {
          ssoLinks {
            provider {
              name
            }
          }
        }
      }
    `;
    read<ByProviderQuery>(query, {}).then(
      ({ identity }) => gone || setName(identity.ssoLinks[0]?.provider.name ?? null),
      () => {}, // the password is there
    );
    return () => {
      gone = true;
    };
  }, []);
  if (!name) return null;
  return (
    <Button mt="sm" variant="subtle" onClick={() => void leave("step-up/sso", { returnTo: location.pathname + location.search })}>
      {t("stepUp.provider", { provider: name })}
    </Button>
  );
}
