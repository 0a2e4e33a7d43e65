import { fit, pad, widthOf } from './width.js';

/** A column of a table. */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  /** The column's importance: where room is short, the one with the highest number is left out first. 0 always stays. */
  readonly rank?: number;
  /** True to align it at the right, as numbers are. */
  readonly isRight?: boolean;
  /** The fewest columns of the terminal that a text may be cut to. Default: it isn't cut. */
  readonly least?: number;
  /** True for a column that only a terminal shows. */
  readonly isExtra?: boolean;
  /** True for a column that a terminal shows only if the texts of the others have room enough. */
  readonly needsRoom?: boolean;
  /** Returns the colour of a row's cell. */
  readonly colour?: (row: Row) => ((text: string) => string) | undefined;
}

const GAP = '  ';
/** How many rows wait until the widths of the columns are known. */
const LOOKAHEAD = 500;

/** How many columns of the terminal a text wants, before there is room for what needs room. */
const ENOUGH = 30;

/** A row's cells, and their colours. */
interface Cells {
  readonly texts: readonly string[];
  readonly colours: readonly (((text: string) => string) | undefined)[];
}

/** A column that is shown, and its width. */
interface Part<Row> {
  readonly column: Column<Row>;
  /** The column's place among all. */
  readonly at: number;
  readonly natural: number;
  readonly width: number;
}

/**
 * A table of any length, of which only the first rows wait in memory. On a terminal, columns are left out by their rank;
 * then those that may be cut share the room that is left. Elsewhere no column is left out or cut.
 */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #screen: number | undefined;
  #waiting: Cells[] | undefined = [];
  #parts: readonly Part<Row>[] = [];

  /** @param screen the width of the terminal; undefined if it is none */
  constructor(columns: readonly Column<Row>[], screen: number | undefined) {
    this.#columns = columns.filter(({ isExtra = false }) => !isExtra || screen !== undefined);
    this.#screen = screen;
  }

  /** Adds a row. @returns the lines to print now, each with its line end */
  add(row: Row): string {
    const cells = {
      texts: this.#columns.map(({ cell }) => cell(row)),
      colours: this.#columns.map(({ colour }) => colour?.(row)),
    };
    if (this.#waiting === undefined) return this.#line(cells);
    this.#waiting.push(cells);
    return this.#waiting.length >= LOOKAHEAD ? this.end() : '';
  }

  /** Ends the table. @returns the lines that waited */
  end(): string {
    const rows = this.#waiting;
    if (rows === undefined) return '';
    this.#waiting = undefined;
    this.#parts = fitted(
      this.#columns.map((column, at) => ({
        ...{ column, at, width: 0 },
        natural: rows.reduce(
          (most, { texts }) => Math.max(most, widthOf(texts[at] ?? '')),
          widthOf(column.head),
        ),
      })),
      this.#screen ?? Number.POSITIVE_INFINITY,
    );
    const head = { texts: this.#columns.map(({ head }) => head), colours: [] };
    return [head, ...rows].map((row) => this.#line(row)).join('');
  }

  #line({ texts, colours }: Cells): string {
    // A later row may have a wider text in a column that isn't cut. What is cut makes room for it.
    let over = 0;
    if (this.#screen !== undefined)
      for (const { column, at, width } of this.#parts)
        if (column.least === undefined) over += Math.max(0, widthOf(texts[at] ?? '') - width);
    const cells = this.#parts.map(({ column, at, width }, i) => {
      const text = texts[at] ?? '';
      const isCut = this.#screen !== undefined && column.least !== undefined;
      const less = isCut ? Math.min(over, Math.max(0, width - 1)) : 0;
      over -= less;
      const shown = isCut ? fit(text, width - less) : text;
      const isLast = i === this.#parts.length - 1 && !column.isRight;
      const padded = isLast ? shown : pad(shown, width - less, column.isRight);
      return colours[at]?.(padded) ?? padded;
    });
    return `${cells.join(GAP).trimEnd()}\n`;
  }
}

/** Chooses the columns that fit, and their widths. */
function fitted<Row>(all: readonly Part<Row>[], screen: number): Part<Row>[] {
  let parts = [...all];
  const leastOf = ({ column, natural }: Part<Row>): number =>
    Math.min(natural, column.least ?? Number.POSITIVE_INFINITY);
  const spareOf = (of = leastOf): number =>
    screen - GAP.length * (parts.length - 1) - parts.reduce((sum, part) => sum + of(part), 0);
  const worstOf = (among: readonly Part<Row>[]): Part<Row> | undefined =>
    among.reduce<Part<Row> | undefined>(
      (a, b) => (a === undefined || (b.column.rank ?? 0) >= (a.column.rank ?? 0) ? b : a),
      undefined,
    );
  const enough = (part: Part<Row>): number =>
    part.column.needsRoom ? leastOf(part) : Math.min(part.natural, Math.max(leastOf(part), ENOUGH));
  for (;;) {
    const worst = worstOf(parts.filter(({ column }) => column.needsRoom));
    if (worst === undefined || spareOf(enough) >= 0) break;
    parts = parts.filter((part) => part !== worst);
  }
  while (spareOf() < 0) {
    const worst = worstOf(parts);
    if ((worst?.column.rank ?? 0) === 0) break;
    parts = parts.filter((part) => part !== worst);
  }
  return shared(
    parts.map((part) => ({ ...part, width: leastOf(part) })),
    spareOf(),
  );
}

/** Widens columns by what is left: each by the same, and none beyond what it needs. */
function shared<Row>(parts: readonly Part<Row>[], spare: number): Part<Row>[] {
  const widths = parts.map(({ width }) => width);
  let left = spare;
  const needy = parts.map((_, i) => i).sort((a, b) => needOf(parts[a]) - needOf(parts[b]));
  for (const [k, i] of needy.entries()) {
    // An even share of what is left; what a column doesn't need goes to those that need more.
    const more = Math.min(needOf(parts[i]), Math.max(0, Math.floor(left / (needy.length - k))));
    widths[i] = (widths[i] as number) + more;
    left -= more;
  }
  return parts.map((part, i) => ({ ...part, width: widths[i] as number }));
}

const needOf = <Row>(part: Part<Row> | undefined): number =>
  part === undefined ? 0 : part.natural - part.width;

/** Returns the lines of a table that fits a terminal. @param columns the width of the terminal */
export function tableLines<Row>(
  rows: readonly Row[],
  all: readonly Column<Row>[],
  columns: number,
): string[] {
  const table = new Table(all, columns);
  const text = rows.map((row) => table.add(row)).join('') + table.end();
  return text.split('\n').slice(0, -1);
}
