import { useTranslation } from "react-i18next";
import { useCountdown } from "#/ui/Countdown.tsx";
import css from "./incidents.module.css";

/** How long a name is still served for certain; after that, as long as visitors reach us. */
export function Clock({ until }: { until: string | null | undefined }) {
  const { t } = useTranslation();
  const left = useCountdown(until);
  if (!until) return <span className="dim">–</span>;
  return <span className={css.clock}>{left ? t("incidents.clock", { time: left }) : t("incidents.clockOver")}</span>;
}
