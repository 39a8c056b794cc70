import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { exact } from "#/ui/RelativeTime.tsx";
import css from "./operate.module.css";

type Waiting = { kind: string; requestId: string; until: string | null | undefined };

/** In place of a result: the change waits for a second operator, or for the end of its cooling-off. */
export function Held({ waiting }: { waiting: Waiting }) {
  const { t, i18n } = useTranslation();
  const cooling = waiting.kind === "COOLING_OFF";
  return (
    <div className={css.held} role="status">
      <strong>{t(cooling ? "operate.held.cooling" : "operate.held.approval")}</strong>
      <p className="dim">
        {cooling && waiting.until ? t("operate.held.until", { time: exact(waiting.until, i18n.language) }) : t("operate.held.text")}
      </p>
      <p>
        <Link to="/approvals/$id" params={{ id: waiting.requestId }}>
          {t("operate.held.open")}
        </Link>
      </p>
    </div>
  );
}
