/** The most letters that may differ between a name and what was meant. */
const MOST = 2;

/** Returns the name that was probably meant; undefined if none is near. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = MOST + 1;
  for (const name of names) {
    // A name of a few letters is near to every other.
    const distance = Math.min(
      distanceOf(given, name),
      name.startsWith(given) && given.length > 2 ? 1 : MOST + 1,
    );
    if (distance >= least || distance >= given.length) continue;
    best = name;
    least = distance;
  }
  return best;
}

/** Counts the letters to add, remove, change or swap with the next one to make one word of the other. */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let k = 1; k <= b.length; k++) {
      const cost = a[i - 1] === b[k - 1] ? 0 : 1;
      const swap = a[i - 1] === b[k - 2] && a[i - 2] === b[k - 1] ? (before[k - 2] as number) + 1 : MOST + 1;
      next.push(
        Math.min((row[k] as number) + 1, (next[k - 1] as number) + 1, (row[k - 1] as number) + cost, swap),
      );
    }
    before = row;
    row = next;
  }
  return row[b.length] as number;
}
