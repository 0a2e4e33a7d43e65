/** How many table rows wait until the column widths are known. */
const LOOKAHEAD = 500;

/** A table of aligned rows. It keeps only the first few in memory, so that it may be of any length. */
export class Table {
  #waiting: (readonly string[])[] | undefined;
  readonly #widths: number[] = [];

  constructor(head: readonly string[]) {
    this.#waiting = [head];
  }

  /** Adds a row. @returns the lines to print now, each with its line end */
  add(row: readonly string[]): string {
    if (this.#waiting === undefined) return this.#line(row);
    this.#waiting.push(row);
    return this.#waiting.length > LOOKAHEAD ? this.end() : '';
  }

  /** Ends the table. @returns the waiting lines */
  end(): string {
    const rows = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const row of rows)
      for (const [i, cell] of row.entries()) this.#widths[i] = Math.max(this.#widths[i] ?? 0, cell.length);
    return rows.map((row) => this.#line(row)).join('');
  }

  #line(row: readonly string[]): string {
    return `${row.map((cell, i) => cell.padEnd(this.#widths[i] ?? 0)).join('  ')}`.trimEnd().concat('\n');
  }
}
