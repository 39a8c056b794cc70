import { Button } from "@mantine/core";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Transfer_connection$key } from "#/relay/__generated__/Transfer_connection.graphql.ts";
import type { TransferMutation } from "#/relay/__generated__/TransferMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { toast } from "#/ui/toast.ts";
import css from "./domain.module.css";

/** The name is another application's of the same organization: an owner moves it here. Absent where that is not so. */
export function Transfer({ connection }: { connection: Transfer_connection$key }) {
  const { t, i18n } = useTranslation();
  const { org } = useParams({ strict: false });
  const may = useCan("connection.transfer");
  const [asked, setAsked] = useState(false);
  const data = useFragment(
    graphql`
      fragment Transfer_connection on Connection {
        id
        unicodeName
        application {
          name
        }
        heldBy {
          id
          application {
            name
          }
        }
      }
    `,
    connection,
  );
  const name = data.unicodeName;
  const to = data.application?.name ?? "";
  const from = data.heldBy?.application?.name ?? "";
  const transfer = useAction<TransferMutation>(
    graphql`
      mutation TransferMutation($connectionId: ID!, $locale: String) {
        transferClaim(connectionId: $connectionId) {
          connection {
            id
            version
            state
            ...Setup_connection
          }
        }
      }
    `,
    {
      onDone: () => {
        setAsked(false);
        toast(t("transfer.done", { name, to }));
      },
    },
  );
  if (!data.heldBy) return null;
  return (
    <>
      <Card title={t("transfer.title")} text={t("transfer.text", { name, from, to })}>
        {!may && <p className="dim">{t("transfer.ask")}</p>}
        <div className={css.cardActions}>
          {may && <Button onClick={() => setAsked(true)}>{t("transfer.action")}</Button>}
          <Button variant="default" component={Link} to={`/${org}/domains/${data.heldBy.id}`}>
            {t("transfer.open", { from })}
          </Button>
        </div>
      </Card>
      <Confirm
        opened={asked}
        onClose={() => setAsked(false)}
        title={t("transfer.action")}
        name={data.unicodeName}
        action={t("transfer.action")}
        pending={transfer.pending}
        onConfirm={() => void transfer.run({ connectionId: data.id, locale: i18n.language })}
        failure={transfer.failed && <ErrorCard problem={transfer.failed} />}
      >
        {t("transfer.confirm", { name, from, to })}
      </Confirm>
    </>
  );
}
