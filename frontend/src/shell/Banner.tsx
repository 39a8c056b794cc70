import { useNetwork } from "@mantine/hooks";
import { useTranslation } from "react-i18next";
import { useLive } from "#/relay/index.ts";
import { useNow } from "#/ui/RelativeTime.tsx";
import css from "./shell.module.css";

const QUIET_MS = 2_000;

/** One line above the page while something keeps it from being up to date. */
export function Banner() {
  const { t } = useTranslation();
  const { online } = useNetwork();
  const live = useLive();
  const now = useNow(live.status === "reconnecting");
  if (!online) {
    return (
      <div className={css.banner} role="status">
        {t("banner.offline")}
      </div>
    );
  }
  if (live.status === "reconnecting" && now - live.since > QUIET_MS) {
    return (
      <div className={css.banner} role="status">
        {t("banner.reconnecting", { n: live.attempt })}
      </div>
    );
  }
  return null;
}
