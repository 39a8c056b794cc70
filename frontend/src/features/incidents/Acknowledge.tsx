import { Button } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Acknowledge_incident$key } from "#/relay/__generated__/Acknowledge_incident.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import { useCan } from "#/ui/Permissions.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import css from "./incidents.module.css";

const AcknowledgeDialog = lazy(() => import("./AcknowledgeDialog.tsx"));

/** Who sees to an incident, or the button that says so. */
export function Acknowledged({ incident }: { incident: Acknowledge_incident$key }) {
  const { t } = useTranslation();
  const may = useCan("monitor.write");
  const [open, setOpen] = useState(false);
  const data = useFragment(
    graphql`
      fragment Acknowledge_incident on Incident {
        id
        acknowledgedBy
        acknowledgedAt
        note
        resolvedAt
      }
    `,
    incident,
  );
  if (data.acknowledgedAt) {
    return (
      <span className={css.who}>
        {data.acknowledgedBy ?? t("incidents.somebody")} · <RelativeTime at={data.acknowledgedAt} />
        {data.note && (
          <q className={css.note} dir="auto">
            {data.note}
          </q>
        )}
      </span>
    );
  }
  if (!may || data.resolvedAt) return <span className="dim">–</span>;
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
        {t("incidents.acknowledge")}
      </Button>
      <Suspense>{open && <AcknowledgeDialog id={data.id} onClose={() => setOpen(false)} />}</Suspense>
    </>
  );
}
