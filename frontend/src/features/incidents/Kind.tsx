import { useTranslation } from "react-i18next";
import type { FindingSeverity, IncidentKind } from "#/relay/__generated__/IncidentsTable_row.graphql.ts";
import { Status } from "#/ui/Status.tsx";

/** What an incident is about, in one word and a colour. */
export function Kind({
  kind,
  severity,
  over,
  flapping,
}: {
  kind: IncidentKind;
  severity: FindingSeverity;
  over: boolean;
  flapping: boolean;
}) {
  const { t } = useTranslation();
  return (
    <Status tone={over ? "none" : severity === "BLOCKING" ? "bad" : "warn"} title={flapping ? t("incidents.flappingText") : undefined}>
      {t(`incidents.kind.${kind}`)}
      {flapping && !over ? ` · ${t("incidents.flapping")}` : ""}
    </Status>
  );
}
