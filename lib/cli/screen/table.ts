import { fit, pad, widthOf } from './width.js';

/** A column of a table on a terminal. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  /** The column's importance: where room is short, the one with the highest number is left out first. 0 always stays. */
  readonly rank?: number;
  /** True to align it at the right, as numbers are. */
  readonly isRight?: boolean;
  /** The fewest columns of the terminal that a text may be cut to. Default: it isn't cut. */
  readonly least?: number;
  /** Colours the cell, once it has its width. */
  readonly colour?: (cell: string, row: Row) => string;
}

const GAP = '  ';

/**
 * Returns the lines of a table that fits a terminal. Columns are left out by their rank, then those that may be cut
 * share the room that is left.
 *
 * @param columns the width of the terminal
 */
export function tableLines<Row>(
  rows: readonly Row[],
  all: readonly Column<Row>[],
  columns: number,
): string[] {
  const table = all.map((column) => ({ column, cells: rows.map(column.cell) }));
  const natural = ({ column, cells }: (typeof table)[number]): number =>
    Math.max(widthOf(column.head), ...cells.map(widthOf));
  const leastOf = (part: (typeof table)[number]): number =>
    Math.min(natural(part), part.column.least ?? Number.POSITIVE_INFINITY);
  let parts = table;
  const room = (): number => columns - GAP.length * (parts.length - 1);
  const sum = (of: (part: (typeof table)[number]) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  while (sum(leastOf) > room()) {
    const worst = parts.reduce((a, b) => ((b.column.rank ?? 0) >= (a.column.rank ?? 0) ? b : a));
    if ((worst.column.rank ?? 0) === 0) break;
    parts = parts.filter((part) => part !== worst);
  }
  // What the cut columns can have together beyond their least widths.
  let spare = Math.max(0, room() - sum(leastOf));
  const widths = parts.map((part) => {
    const more = Math.min(spare, natural(part) - leastOf(part));
    spare -= more;
    return leastOf(part) + more;
  });
  const line = (cells: readonly string[], row?: Row): string =>
    cells
      .map((cell, i) => {
        const { isRight, colour } = (parts[i] as (typeof table)[number]).column;
        const isLast = i === cells.length - 1 && !isRight;
        const fitted = fit(cell, widths[i] as number);
        const padded = isLast ? fitted : pad(fitted, widths[i] as number, isRight);
        return row === undefined || colour === undefined ? padded : colour(padded, row);
      })
      .join(GAP)
      .trimEnd();
  return [
    line(parts.map(({ column }) => column.head)),
    ...rows.map((row, r) =>
      line(
        parts.map(({ cells }) => cells[r] as string),
        row,
      ),
    ),
  ];
}
