import type { Eta } from "../documents";
import { useUi } from "../ui";

/** When everyone sees it, and who does already. */
export function EtaText({ eta }: { eta: Eta | null | undefined }) {
  const { t, language } = useUi();
  if (!eta) return null;
  const names = eta.perResolver.filter((one) => one.reason === "UP_TO_DATE").map((one) => one.resolver);
  if (names.length > 0 && names.length === eta.perResolver.length) return <p class="eta">{t("eta.all")}</p>;
  const time = new Intl.DateTimeFormat(language.locale, { hour: "numeric", minute: "2-digit" }).format(new Date(eta.until));
  const list = new Intl.ListFormat(language.locale).format(names);
  return (
    <p class="eta">
      {eta.seconds < 30 ? t("eta.now") : t("eta.until", { time })}
      {names.length > 0 && ` ${t("eta.some", { names: list, n: names.length })}`}
    </p>
  );
}
