import { useInterval } from "@mantine/hooks";
import { useEffect } from "react";

/** Reads again every so many milliseconds, as long as the page is looked at. */
export function useAgain(read: () => void, every: number): void {
  const again = useInterval(() => {
    if (!document.hidden) read();
  }, every);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the timer lives as long as the page.
  useEffect(() => {
    again.start();
    return again.stop;
  }, []);
}
