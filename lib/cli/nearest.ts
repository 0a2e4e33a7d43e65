/** How much of a word may be mistyped. */
const MOST = 0.4;

/** Returns the known word that a mistyped one is most like; undefined if none is like it. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length * MOST)) + 1;
  for (const other of known) {
    const isStart = word.length > 2 && other.startsWith(word);
    if (!isStart && Math.abs(other.length - word.length) >= least) continue;
    const distance = isStart ? 1 : distanceOf(word, other);
    if (distance < least) [best, least] = [other, distance];
  }
  return best;
}

/** Returns the hint that ends a message about a mistyped word; empty if no known word is like it. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const found = nearest(word, known);
  return found === undefined ? '' : `did you mean ${found}?`;
}

/** Counts the letters to add, leave out, replace or swap with the next one, to make one word of another. */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] as number) + 1);
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return above[b.length] as number;
}
