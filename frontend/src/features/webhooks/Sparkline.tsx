import { useTranslation } from "react-i18next";
import { digits } from "#/i18n/index.ts";
import css from "./webhooks.module.css";

type Hour = { readonly at: string; readonly attempts: number; readonly succeeded: number };

const HOUR = 3_600_000;
const HEIGHT = 28;

/** The last 24 hours, the newest at the end of the line: how much was sent, and in red what did not arrive. */
export function Sparkline({ hours, now = Date.now() }: { hours: readonly Hour[]; now?: number }) {
  const { t, i18n } = useTranslation();
  const last = Math.floor(now / HOUR);
  const slots = Array.from({ length: 24 }, (_, i) => hours.find(({ at }) => Math.floor(Date.parse(at) / HOUR) === last - 23 + i));
  const most = Math.max(1, ...hours.map(({ attempts }) => attempts));
  const sum = (of: (hour: Hour) => number) => hours.reduce((all, hour) => all + of(hour), 0);
  const attempts = sum((hour) => hour.attempts);
  const clock = new Intl.DateTimeFormat(digits(i18n.language), { hour: "2-digit", minute: "2-digit" });
  const words = t("webhooks.health.words", { count: attempts, failed: attempts - sum((hour) => hour.succeeded) });
  return (
    <svg className={css.spark} viewBox={`0 0 ${24 * 6} ${HEIGHT}`} role="img" aria-label={words} preserveAspectRatio="none">
      {slots.map((hour, i) => {
        const at = new Date((last - 23 + i) * HOUR);
        if (!hour) return <rect key={at.getTime()} x={i * 6} y={HEIGHT - 2} width={5} height={2} className={css.sparkNone} />;
        const whole = Math.max(3, (hour.attempts / most) * HEIGHT);
        const lost = hour.succeeded < hour.attempts ? Math.max(2, (whole * (hour.attempts - hour.succeeded)) / hour.attempts) : 0;
        return (
          <g key={at.getTime()}>
            <title>{`${clock.format(at)} · ${hour.succeeded} / ${hour.attempts}`}</title>
            <rect x={i * 6} y={HEIGHT - whole} width={5} height={whole - lost} className={css.sparkGood} />
            <rect x={i * 6} y={HEIGHT - lost} width={5} height={lost} className={css.sparkBad} />
          </g>
        );
      })}
    </svg>
  );
}
