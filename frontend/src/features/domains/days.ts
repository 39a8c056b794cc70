export type Day<T> = { key: string; label: string; rows: T[] };

const at0 = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** Rows in their order, under the day on which they happened where the person is. */
export function byDay<T extends { readonly at: string }>(
  rows: readonly T[],
  locale: string,
  words: { today: string; yesterday: string },
  now = new Date(),
): Day<T>[] {
  const format = new Intl.DateTimeFormat(locale, { dateStyle: "full" });
  const today = at0(now);
  const yesterday = at0(new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1));
  const days: Day<T>[] = [];
  for (const row of rows) {
    const day = at0(new Date(row.at));
    const key = String(day);
    if (days.at(-1)?.key !== key) {
      const label = day === today ? words.today : day === yesterday ? words.yesterday : format.format(day);
      days.push({ key, label, rows: [] });
    }
    days.at(-1)?.rows.push(row);
  }
  return days;
}
