/** Rows that a person can go through, as far as the choice of one needs to know them. */
export interface Choices {
  readonly size: number;
  /** Returns what names a row, also after the rows have changed; undefined if that is no longer known. */
  idAt(index: number): string | undefined;
  /** Returns the place of a row; -1 if it is no longer there. */
  indexOf(id: string): number;
}

/** The row that a person is at, the rows that are marked, and the part of the list that is on the screen. */
export class Selection {
  /** The place of the chosen row. */
  index = 0;
  /** The place of the first row on the screen. */
  first = 0;
  readonly marks: Set<string> = new Set();
  #id: string | undefined;

  /** Stays at the chosen row, wherever it is now. If it is gone, the row in its place is chosen. */
  follow(rows: Choices): void {
    const index = this.#id === undefined ? -1 : rows.indexOf(this.#id);
    if (index >= 0) {
      // The row also keeps its place on the screen, unless the list is at its top, where new rows come.
      if (this.first > 0) this.first = Math.max(0, this.first + index - this.index);
      this.index = index;
    } else this.moveTo(this.index, rows);
  }

  moveTo(index: number, rows: Choices): void {
    this.index = Math.max(0, Math.min(index, rows.size - 1));
    this.#id = rows.idAt(this.index);
  }

  /** Chooses a row that isn't there yet. */
  goTo(index: number): void {
    this.index = index;
    this.#id = undefined;
  }

  /** Begins again at the first row. */
  clear(): void {
    this.index = 0;
    this.first = 0;
    this.#id = undefined;
    this.marks.clear();
  }

  /** Moves the part on the screen so that it has the chosen row. @param height how many rows fit */
  scroll(height: number, size: number): void {
    const least = Math.max(0, this.index - height + 1);
    this.first = Math.max(least, Math.min(this.first, this.index, Math.max(0, size - height)));
  }
}
