import { Button, NativeSelect } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { MonitoringQuery } from "#/relay/__generated__/MonitoringQuery.graphql.ts";
import type { MonitoringTakeMutation } from "#/relay/__generated__/MonitoringTakeMutation.graphql.ts";
import { graphql, useAction, useLazyLoadQuery } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { toast } from "#/ui/toast.ts";
import css from "./applications.module.css";

const PolicyDialog = lazy(() => import("./PolicyDialog.tsx"));

type Props = {
  application: {
    readonly id: string;
    readonly version: number;
    readonly organization: { readonly id: string };
    readonly monitorPolicy?: { readonly id: string } | null;
  };
};

/** How the application's live names are looked after: which policy, and the way to change it or to a new one. */
export function Monitoring({ application }: Props) {
  const { t } = useTranslation();
  const may = useCan("application.write");
  const mayPolicy = useCan("monitor.write");
  const [round, setRound] = useState(0);
  const [editing, setEditing] = useState<"new" | "own" | null>(null);
  const { monitorPolicies } = useLazyLoadQuery<MonitoringQuery>(
    graphql`
      query MonitoringQuery($organizationId: ID!) {
        monitorPolicies(organizationId: $organizationId) {
          id
          version
          name
          enabled
          intervalSeconds
          failureThreshold
          graceHours
          heal
          onGraceEnd
        }
      }
    `,
    { organizationId: application.organization.id },
    { fetchKey: round, fetchPolicy: "store-and-network" },
  );
  const take = useAction<MonitoringTakeMutation>(
    graphql`
      mutation MonitoringTakeMutation($input: UpdateApplicationInput!) {
        updateApplication(input: $input) {
          application {
            id
            version
            monitorPolicy {
              id
              enabled
            }
          }
        }
      }
    `,
    { onDone: () => toast(t("saved")) },
  );
  const own = monitorPolicies.find((policy) => policy.id === application.monitorPolicy?.id);
  const choose = (id: string) =>
    take.run({
      input: { id: application.id, version: application.version, ...(id ? { monitorPolicyId: id } : { clearMonitorPolicy: true }) },
    });
  return (
    <>
      <Card
        title={t("monitor.title")}
        text={t("monitor.text")}
        actions={
          mayPolicy && (
            <Button variant="default" onClick={() => setEditing("new")}>
              {t("monitor.create")}
            </Button>
          )
        }
      >
        <fieldset disabled={!may || take.pending} className={css.fields}>
          <NativeSelect
            label={t("monitor.policy")}
            description={
              own
                ? own.enabled
                  ? t("monitor.summary", { minutes: Math.round(own.intervalSeconds / 60), hours: own.graceHours })
                  : t("monitor.off")
                : t("monitor.summary", { minutes: 15, hours: 72 })
            }
            value={application.monitorPolicy?.id ?? ""}
            onChange={(event) => void choose(event.currentTarget.value)}
            data={[
              { value: "", label: t("monitor.standard") },
              ...monitorPolicies.map((policy) => ({ value: policy.id, label: policy.name })),
            ]}
          />
          {take.failed && <ErrorCard problem={take.failed} />}
        </fieldset>
        {own && mayPolicy && (
          <Button size="compact-sm" variant="default" mt="sm" onClick={() => setEditing("own")}>
            {t("monitor.edit")}
          </Button>
        )}
      </Card>
      <Suspense>
        {editing && (
          <PolicyDialog
            organizationId={application.organization.id}
            policy={editing === "own" ? own : undefined}
            onClose={() => setEditing(null)}
            onSaved={(id) => {
              setEditing(null);
              setRound((n) => n + 1);
              if (editing === "new" && may) void choose(id);
            }}
          />
        )}
      </Suspense>
    </>
  );
}
