import { Button, Menu } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { KeysTable_query$data, KeysTable_query$key } from "#/relay/__generated__/KeysTable_query.graphql.ts";
import type { KeysTableDeleteMutation } from "#/relay/__generated__/KeysTableDeleteMutation.graphql.ts";
import type { KeysTableMoreQuery } from "#/relay/__generated__/KeysTableMoreQuery.graphql.ts";
import { ConnectionHandler, graphql, useAction, usePaginationFragment } from "#/relay/index.ts";
import { focusRow } from "#/shell/shortcuts.ts";
import { Confirm } from "#/ui/Confirm.tsx";
import { DataTable } from "#/ui/DataTable.tsx";
import { Empty } from "#/ui/Empty.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { More } from "#/ui/More.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { RowMenu } from "#/ui/RowMenu.tsx";
import { SecretOnce } from "#/ui/SecretOnce.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./keys.module.css";

const KeyDialog = lazy(() => import("./KeyDialog.tsx"));

type Key = KeysTable_query$data["apiKeys"]["edges"][number]["node"];
type Props = {
  organizationId: string;
  applicationId?: string;
  query: KeysTable_query$key;
  permissions: readonly string[];
  creating: boolean;
  onCreating: (creating: boolean) => void;
};

/** Keys of programs: what they may do, when they were last used, and how they end. */
export function KeysTable({ organizationId, applicationId, query, permissions, creating, onCreating }: Props) {
  const { t } = useTranslation();
  const [secret, setSecret] = useState<string | null>(null);
  const [ending, setEnding] = useState<Key | null>(null);
  const { data, hasNext, loadNext, isLoadingNext } = usePaginationFragment<KeysTableMoreQuery, KeysTable_query$key>(
    graphql`
      fragment KeysTable_query on Query
      @refetchable(queryName: "KeysTableMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        apiKeys(organizationId: $organizationId, first: $first, after: $after) @connection(key: "KeysTable_apiKeys") {
          __id
          edges {
            node {
              id
              prefix
              lastFour
              description
              scopes
              applicationId
              createdAt
              expiresAt
              lastUsedAt
              lastUsedIp
              revokedAt
            }
          }
        }
      }
    `,
    query,
  );
  const list = data.apiKeys.__id;
  const rows = data.apiKeys.edges.map((edge) => edge.node).filter((key) => !applicationId || key.applicationId === applicationId);
  const end = useAction<KeysTableDeleteMutation>(
    graphql`
      mutation KeysTableDeleteMutation($id: ID!) {
        deleteApiKey(id: $id) {
          ok
        }
      }
    `,
    {
      updater: (store) => {
        const connection = store.get(list);
        if (connection && ending) ConnectionHandler.deleteNode(connection, ending.id);
      },
      onDone: () => {
        focusRow(rows.findIndex((key) => key.id === ending?.id));
        setEnding(null);
        toast(t("keys.ended"));
      },
    },
  );

  return (
    <div className="stack">
      {secret && <SecretOnce secret={secret} what={t("keys.secret")} onStored={() => setSecret(null)} />}
      {rows.length === 0 ? (
        <Empty
          icon={<IconKey size={22} />}
          title={t("keys.empty.title")}
          actions={
            <Button leftSection={<IconPlus size={16} />} onClick={() => onCreating(true)}>
              {t("keys.create")}
            </Button>
          }
          code={`curl ${location.origin}/graphql -H "Authorization: Bearer npk_…"`}
        >
          {t("keys.empty.text")}
        </Empty>
      ) : (
        <DataTable
          caption={t("nav.keys")}
          columns={[
            { key: "key", label: t("keys.column.key") },
            { key: "scopes", label: t("keys.column.scopes") },
            { key: "used", label: t("keys.column.used") },
            { key: "expires", label: t("keys.column.expires") },
            { key: "menu", label: t("keys.column.menu"), hidden: true, end: true },
          ]}
        >
          {rows.map((key) => (
            <tr key={key.id}>
              <td data-wide>
                <strong className={css.name}>{key.description || t("keys.unnamed")}</strong>
                <span className={css.prefix}>
                  {key.prefix}…{key.lastFour}
                </span>
              </td>
              <td data-label={t("keys.column.scopes")}>
                <Scopes scopes={key.scopes} />
              </td>
              <td data-label={t("keys.column.used")}>
                {key.lastUsedAt ? (
                  <span title={key.lastUsedIp ?? undefined}>
                    <RelativeTime at={key.lastUsedAt} />
                  </span>
                ) : (
                  <span className="dim">{t("keys.never")}</span>
                )}
              </td>
              <td data-label={t("keys.column.expires")}>
                {key.expiresAt ? <RelativeTime at={key.expiresAt} /> : <span className="dim">{t("keys.noEnd")}</span>}
              </td>
              <td data-end>
                <RowMenu label={t("keys.menu", { name: key.description || key.prefix })}>
                  <Menu.Item color="red.9" onClick={() => setEnding(key)}>
                    {t("keys.end")}
                  </Menu.Item>
                </RowMenu>
              </td>
            </tr>
          ))}
        </DataTable>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
      {creating && (
        <Suspense>
          <KeyDialog
            organizationId={organizationId}
            applicationId={applicationId}
            permissions={permissions}
            list={list}
            onClose={() => onCreating(false)}
            onCreated={(made) => {
              onCreating(false);
              setSecret(made);
              window.scrollTo({ top: 0 });
            }}
          />
        </Suspense>
      )}
      <Confirm
        opened={ending !== null}
        onClose={() => setEnding(null)}
        title={t("keys.endTitle", { name: ending?.description || ending?.prefix })}
        action={t("keys.end")}
        pending={end.pending}
        onConfirm={() => ending && end.run({ id: ending.id })}
        failure={end.failed && <ErrorCard problem={end.failed} />}
      >
        {t("keys.endText")}
      </Confirm>
    </div>
  );
}

function Scopes({ scopes }: { scopes: readonly string[] }) {
  const { t } = useTranslation();
  if (scopes.length === 0) return <span className="dim">{t("keys.noScopes")}</span>;
  return (
    <span className={css.scopes} title={scopes.join("\n")}>
      {scopes.slice(0, 3).map((scope) => (
        <code key={scope}>{scope}</code>
      ))}
      {scopes.length > 3 && <span className="dim">{t("keys.moreScopes", { count: scopes.length - 3 })}</span>}
    </span>
  );
}
