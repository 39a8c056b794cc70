import { useEffect, useState } from "preact/hooks";
import { type Wait, waits } from "../../../frontend/src/features/domains/eta";
import type { Eta } from "../documents";
import { useUi } from "../ui";
import { tell } from "./words";

const unit = { seconds: "second", minutes: "minute", hours: "hour" } as const;

/** When everyone sees it, who does already, and who is the last; counted down while somebody looks. */
export function EtaText({ eta }: { eta: Eta | null | undefined }) {
  const { t, language } = useUi();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!eta) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [eta]);
  if (!eta) return null;
  const { all, each } = waits(eta, now);
  if (all.when === "done") return <p class="eta">{t("eta.all")}</p>;
  const sentence = ({ who, when, count }: Wait) => {
    if (when === "now" || when === "done" || when === "unknown") return "";
    const time = new Intl.RelativeTimeFormat(language.locale).format(count, unit[when]);
    return who === null ? tell(language, "eta.all", { time }) : tell(language, "eta.one", { who, time });
  };
  const names = each.filter(({ when }) => when === "done").map(({ who }) => who!);
  const list = new Intl.ListFormat(language.locale).format(names);
  const slowest = each[0] ? sentence(each[0]) : "";
  return (
    <p class="eta" data-eta>
      {sentence(all) || t("eta.now")}
      {slowest && ` ${slowest}`}
      {names.length > 0 && ` ${t("eta.some", { names: list, n: names.length })}`}
    </p>
  );
}
