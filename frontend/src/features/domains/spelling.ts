/** A piece of a text; `same` where the other text has it too. */
export type Piece = { text: string; same: boolean };

/** Beyond this many comparisons only the ends are compared: DNS values are short, and what is not must not hold up a page. */
const MOST = 1_000_000;

/**
 * Where two values differ, character by character: the longest common subsequence, put together into pieces. Letters are
 * compared as DNS compares names, so that a difference of case alone is none.
 */
export function spelling(before: string, after: string): { before: Piece[]; after: Piece[] } {
  const a = [...before];
  const b = [...after];
  const alike = (i: number, j: number) => a[i] === b[j] || a[i]?.toLowerCase() === b[j]?.toLowerCase();
  let head = 0;
  while (head < a.length && head < b.length && alike(head, head)) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && alike(a.length - 1 - tail, b.length - 1 - tail)) tail++;
  const rows = a.length - head - tail;
  const columns = b.length - head - tail;
  const sameA = new Set<number>();
  const sameB = new Set<number>();
  const keep = (i: number, j: number) => {
    sameA.add(i);
    sameB.add(j);
  };
  for (let i = 0; i < head; i++) keep(i, i);
  for (let i = 1; i <= tail; i++) keep(a.length - i, b.length - i);
  if (rows * columns > 0 && rows * columns <= MOST) {
    const width = columns + 1;
    const length = new Uint16Array((rows + 1) * width);
    for (let i = rows - 1; i >= 0; i--)
      for (let j = columns - 1; j >= 0; j--)
        length[i * width + j] = alike(head + i, head + j)
          ? length[(i + 1) * width + j + 1]! + 1
          : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!);
    for (let i = 0, j = 0; i < rows && j < columns; ) {
      if (alike(head + i, head + j)) keep(head + i++, head + j++);
      else if (length[(i + 1) * width + j]! >= length[i * width + j + 1]!) i++;
      else j++;
    }
  }
  return { before: pieces(a, sameA), after: pieces(b, sameB) };
}

/** What two texts have in common by chance, a letter here and there, says nothing: it is shown as different. */
const LEAST = 3;

function pieces(letters: string[], same: Set<number>): Piece[] {
  const out: Piece[] = [];
  const add = (text: string, alike: boolean) => {
    const last = out.at(-1);
    if (last?.same === alike) last.text += text;
    else if (text) out.push({ text, same: alike });
  };
  for (let i = 0; i < letters.length; ) {
    let end = i;
    while (end < letters.length && same.has(end) === same.has(i)) end++;
    const chance = same.has(i) && end - i < LEAST && i > 0 && end < letters.length;
    add(letters.slice(i, end).join(""), same.has(i) && !chance);
    i = end;
  }
  return out;
}
