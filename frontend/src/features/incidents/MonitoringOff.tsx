import { useTranslation } from "react-i18next";
import type { MonitoringOff_application$key } from "#/relay/__generated__/MonitoringOff_application.graphql.ts";
import { graphql, useFragment } from "#/relay/index.ts";
import css from "./incidents.module.css";

/** On every page of an application whose live names nobody looks at. */
export function MonitoringOff({ application }: { application: MonitoringOff_application$key }) {
  const { t } = useTranslation();
  const { monitorPolicy } = useFragment(
    graphql`
      fragment MonitoringOff_application on Application {
        monitorPolicy {
          id
          enabled
        }
      }
    `,
    application,
  );
  if (!monitorPolicy || monitorPolicy.enabled) return null;
  return (
    <p className={css.off} role="status">
      {t("monitor.off")}
    </p>
  );
}
