import type { OpenFile } from '../disk/open-file.js';
import { LineReader, LONGEST_ROW } from '../format/line.js';

/** The number of lines after which other callbacks get their turn. */
const SLICE = 500;

/** Returns the id of every held job of an index. */
export const heldJobs = (index: { find(id: string): unknown; unreadable: Unreadable }): string[] =>
  index.unreadable.firstFields().filter((id) => index.find(id) !== undefined);

/** The lines of one file that can't be read, and their first fields, which may be ids of jobs. */
export class Unreadable {
  /** The first fields of the lines. */
  readonly #keys = new Set<string>();
  /** Lines that were not read a second time yet: offsets and lengths in turn. */
  #met: number[] = [];
  #confirmed = 0;

  /** Notes a line. @param key its first field */
  add(key: string, offset: number, length: number): void {
    this.#keys.add(key);
    this.#met.push(offset, length);
  }

  /** True if there are no such lines. */
  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** True if one of the lines has this first field. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Returns the first fields of all lines. */
  firstFields(): string[] {
    return [...this.#keys].map((key) => Buffer.from(key, 'latin1').toString());
  }

  /**
   * Counts the lines that can't be read. Each is read once more, because a line looks damaged while a live
   * process strikes it.
   */
  async count(file: OpenFile): Promise<number> {
    const reader = new LineReader(file.layout);
    file.retain();
    try {
      for (let looked = 1; this.#met.length > 0; looked++) {
        const length = this.#met.pop() as number;
        const offset = this.#met.pop() as number;
        const bytes = file.readPiece(offset, Math.min(length, LONGEST_ROW + 1));
        if (reader.read(bytes, 0, bytes.length) === 'unreadable') this.#confirmed++;
        if (looked % SLICE === 0) await new Promise(setImmediate);
      }
      return this.#confirmed;
    } finally {
      file.release();
    }
  }
}
