import { useNow } from "./RelativeTime.tsx";

/** Seconds until a time, as 1:05; null when it has passed. */
export function useCountdown(until: string | null | undefined): string | null {
  const now = useNow(Boolean(until));
  if (!until) return null;
  const left = Math.ceil((new Date(until).getTime() - now) / 1000);
  if (left <= 0) return null;
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor((left % 3600) / 60);
  const two = (n: number) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}
