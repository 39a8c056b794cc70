import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ProvidersSsoQuery } from "#/relay/__generated__/ProvidersSsoQuery.graphql.ts";
import { graphql, read } from "#/relay/index.ts";
import { leave } from "./leave.ts";
import css from "./sso.module.css";

type Provider = ProvidersSsoQuery["response"]["ssoProviders"][number];
const PATIENCE_MS = 350;

/** The providers that can sign this address in: those of the installation at once, that of an organization once its domain is typed. */
export function Providers({ email, returnTo }: { email: string; returnTo?: string }) {
  const { t } = useTranslation();
  const [found, setFound] = useState<readonly Provider[]>([]);
  const [leaving, setLeaving] = useState<string | null>(null);
  const typed = /@[^@\s]+\.[^@\s]+$/.test(email.trim()) ? email.trim() : null;
  const domain = typed?.slice(typed.lastIndexOf("@") + 1).toLowerCase() ?? null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another domain has other providers
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(
      () => {
        read<ProvidersSsoQuery>(
          graphql`
            query ProvidersSsoQuery($email: Email) {
              ssoProviders(email: $email) {
                slug
                name
              }
            }
          `,
          { email: typed },
          true,
        ).then(
          ({ ssoProviders }) => gone || setFound(ssoProviders),
          () => {}, // the password is there
        );
      },
      domain ? PATIENCE_MS : 0,
    );
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [domain]);
  if (found.length === 0) return null;
  return (
    <section className={css.providers} aria-label={t("sso.title")} aria-live="polite">
      {found.map((one) => (
        <Button
          key={one.slug}
          variant="default"
          size="md"
          fullWidth
          loading={leaving === one.slug}
          onClick={() => {
            setLeaving(one.slug);
            void leave(`sso/${one.slug}`, { returnTo, email: typed ?? undefined });
          }}
        >
          {t("sso.continue", { provider: one.name })}
        </Button>
      ))}
    </section>
  );
}
