import { Button } from "@mantine/core";
import { IconPlus, IconRobot } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Machines_query$key } from "#/relay/__generated__/Machines_query.graphql.ts";
import type { MachinesMoreQuery } from "#/relay/__generated__/MachinesMoreQuery.graphql.ts";
import { graphql, usePaginationFragment } from "#/relay/index.ts";
import { Empty } from "#/ui/Empty.tsx";
import { More } from "#/ui/More.tsx";
import { Card } from "#/ui/Page.tsx";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { SecretOnce } from "#/ui/SecretOnce.tsx";
import { Status } from "#/ui/Status.tsx";
import css from "./machines.module.css";
import { OwnKeys } from "./OwnKeys.tsx";

const RegisterDialog = lazy(() => import("./RegisterDialog.tsx"));

/** What calls in the person's stead: registered here, and ended by its keys. */
export function Machines({ query }: { query: Machines_query$key }) {
  const { t } = useTranslation();
  const [registering, setRegistering] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const { data, hasNext, loadNext, isLoadingNext, refetch } = usePaginationFragment<MachinesMoreQuery, Machines_query$key>(
    graphql`
      fragment Machines_query on Query
      @refetchable(queryName: "MachinesMoreQuery")
      @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }) {
        machines(first: $first, after: $after) @connection(key: "Machines_machines") {
          __id
          edges {
            node {
              id
              name
              createdAt
              lastUsedAt
              active
            }
          }
        }
      }
    `,
    query,
  );
  const rows = data.machines.edges.map((edge) => edge.node);
  const register = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setRegistering(true)}>
      {t("programs.register")}
    </Button>
  );
  return (
    <Card flush title={t("programs.machines")} text={t("programs.machinesText")} foot={rows.length > 0 ? register : undefined}>
      {secret && <SecretOnce secret={secret} what={t("programs.secret")} onStored={() => setSecret(null)} />}
      {rows.length === 0 && !secret ? (
        <Empty icon={<IconRobot size={22} />} title={t("programs.noMachines")} actions={register}>
          {t("programs.noMachinesText")}
        </Empty>
      ) : (
        <ul className={css.rows} aria-label={t("programs.machines")}>
          {rows.map((machine) => (
            <li key={machine.id}>
              <div>
                <strong>{machine.name}</strong>
                {!machine.active && (
                  <Status tone="none" plain>
                    {t("programs.inactive")}
                  </Status>
                )}
                <p>
                  {machine.lastUsedAt ? (
                    <>
                      {t("programs.used")} <RelativeTime at={machine.lastUsedAt} />
                    </>
                  ) : (
                    t("programs.unused")
                  )}
                  {" · "}
                  {t("programs.since")} <RelativeTime at={machine.createdAt} />
                </p>
                {open === machine.id && (
                  <Suspense>
                    <OwnKeys
                      userId={machine.id}
                      none={t("programs.noKeysLeft")}
                      onEnded={() => refetch({}, { fetchPolicy: "store-and-network" })} // a machine without a key that works says so
                    />
                  </Suspense>
                )}
              </div>
              <Button
                size="compact-sm"
                variant="default"
                aria-expanded={open === machine.id}
                aria-label={t("programs.keysOf", { name: machine.name })}
                onClick={() => setOpen(open === machine.id ? null : machine.id)}
              >
                {t("programs.keys")}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {hasNext && <More loading={isLoadingNext} onMore={() => loadNext(50)} />}
      {registering && (
        <Suspense>
          <RegisterDialog
            list={data.machines.__id}
            onClose={() => setRegistering(false)}
            onRegistered={(made) => {
              setRegistering(false);
              setSecret(made);
            }}
          />
        </Suspense>
      )}
    </Card>
  );
}
