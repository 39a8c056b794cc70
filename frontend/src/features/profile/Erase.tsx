import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { EraseMutation } from "#/relay/__generated__/EraseMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";

/** The end of the account. Who is the last owner somewhere reads what to do first. */
export function Erase({ email }: { email: string }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const erase = useAction<EraseMutation>(
    graphql`
      mutation EraseMutation($confirmEmail: Email!) {
        eraseAccount(confirmEmail: $confirmEmail) {
          ok
        }
      }
    `,
    {
      onDone: () => {
        sessionStorage.clear();
        location.assign("/auth/erased");
      },
    },
  );
  const slugs = erase.failed?.faults.find((fault) => fault.reason === "last_owner")?.slugs;
  return (
    <>
      <Card
        danger
        title={t("profile.erase.title")}
        text={t("profile.erase.text")}
        actions={
          <Button variant="default" c="var(--np-bad)" onClick={() => setOpen(true)}>
            {t("profile.erase.action")}
          </Button>
        }
      />
      <Confirm
        opened={open}
        onClose={() => {
          setOpen(false);
          erase.clear();
        }}
        title={t("profile.erase.title")}
        name={email}
        action={t("profile.erase.action")}
        pending={erase.pending}
        onConfirm={() => void erase.run({ confirmEmail: email })}
        failure={
          erase.failed && (
            <>
              <ErrorCard problem={erase.failed} />
              {Array.isArray(slugs) && (
                <ul>
                  {slugs.map((slug) => (
                    <li key={String(slug)}>
                      <Link to="/$org/members" params={{ org: String(slug) }}>
                        {t("profile.erase.members", { organization: String(slug) })}
                      </Link>
                    </li>
                  ))}
                </ul>
              )}
            </>
          )
        }
      >
        <p>{t("profile.erase.what")}</p>
        <p>{t("profile.erase.stays")}</p>
      </Confirm>
    </>
  );
}
