import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { digits } from "#/i18n/index.ts";

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export function relative(at: Date, now: number, locale: string): string {
  const seconds = Math.round((at.getTime() - now) / 1000);
  // Short is no shorter in Arabic, and says "in 2 two weeks".
  const style = locale.startsWith("ar") ? "long" : "short";
  const format = new Intl.RelativeTimeFormat(digits(locale), { numeric: "auto", style });
  for (const [unit, size] of UNITS) if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  return format.format(Math.abs(seconds) < 10 ? 0 : seconds, "second");
}

export function exact(at: string, locale: string): string {
  return new Intl.DateTimeFormat(digits(locale), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at));
}

/** The clock of a component: ticks every second while something is near, else every 30. */
export function useNow(fast: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), fast ? 1_000 : 30_000);
    return () => clearInterval(timer);
  }, [fast]);
  return now;
}

/** "3 min. ago", with the exact time on hover. */
export function RelativeTime({ at }: { at: string }) {
  const { i18n } = useTranslation();
  const date = new Date(at);
  const now = useNow(Math.abs(Date.now() - date.getTime()) < 90_000);
  return (
    <time dateTime={at} title={exact(at, i18n.language)} className="tabular">
      {relative(date, now, i18n.language)}
    </time>
  );
}
