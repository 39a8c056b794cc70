import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Conflicts_connection$data, Conflicts_connection$key } from "#/relay/__generated__/Conflicts_connection.graphql.ts";
import type { ConflictsResolveMutation, Resolution } from "#/relay/__generated__/ConflictsResolveMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import css from "./domain.module.css";

/** Records that stand in the way, and what may be done with each. */
export function Conflicts({ connection }: { connection: Conflicts_connection$key }) {
  const { t } = useTranslation();
  const data = useFragment(
    graphql`
      fragment Conflicts_connection on Connection {
        conflicts {
          id
          kind
          severity
          name
          type
          existing
          desired
          resolution
          choices
          explain(locale: $locale) {
            title
            body
          }
        }
      }
    `,
    connection,
  );
  if (data.conflicts.length === 0) return null;
  return (
    <Card title={t("conflicts.title")} text={t("conflicts.text")} flush>
      {data.conflicts.map((conflict) => (
        <ConflictView key={conflict.id} conflict={conflict} />
      ))}
    </Card>
  );
}

function ConflictView({ conflict }: { conflict: Conflicts_connection$data["conflicts"][number] }) {
  const { t, i18n } = useTranslation();
  const may = useCan("connection.setup");
  const resolve = useAction<ConflictsResolveMutation>(graphql`
    mutation ConflictsResolveMutation($id: ID!, $resolution: Resolution!, $locale: String) {
      resolveConflict(id: $id, resolution: $resolution) {
        connection {
          id
          version
          ...Conflicts_connection
        }
      }
    }
  `);
  return (
    <article className={css.record}>
      <strong>{conflict.explain.title}</strong>
      <p className={css.conflictBody}>{conflict.explain.body}</p>
      <div className={css.diffLines}>
        {conflict.existing.map((value) => (
          <code key={value} data-kind="remove">
            {conflict.name} {conflict.type} {value}
          </code>
        ))}
        {conflict.desired && (
          <code data-kind="add">
            {conflict.name} {conflict.desired}
          </code>
        )}
      </div>
      <div className={css.choices}>
        {conflict.choices.map((choice: Resolution) => (
          <Button
            key={choice}
            size="xs"
            variant={conflict.resolution === choice ? "filled" : "default"}
            aria-pressed={conflict.resolution === choice}
            disabled={!may}
            loading={resolve.pending}
            onClick={() => resolve.run({ id: conflict.id, resolution: choice, locale: i18n.language })}
          >
            {t(`conflicts.choice.${choice}`)}
          </Button>
        ))}
      </div>
      {resolve.failed && <ErrorCard problem={resolve.failed} />}
    </article>
  );
}
