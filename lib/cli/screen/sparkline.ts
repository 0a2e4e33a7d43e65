const BARS = '▁▂▃▄▅▆▇█';

/** Draws numbers as bars, the largest as a full one; nothing for 0. With more numbers than bars, neighbours are added. */
export function sparkline(numbers: readonly number[], columns: number): string {
  const width = Math.min(columns, numbers.length);
  const sums = Array.from({ length: width }, (_, i) => {
    const from = Math.floor((i * numbers.length) / width);
    const to = Math.floor(((i + 1) * numbers.length) / width);
    return numbers.slice(from, to).reduce((sum, number) => sum + number, 0);
  });
  const most = Math.max(...sums);
  return sums
    .map((sum) =>
      sum === 0 ? ' ' : (BARS[Math.max(0, Math.ceil((sum / most) * BARS.length) - 1)] as string),
    )
    .join('');
}
