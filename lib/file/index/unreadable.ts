import type { OpenFile } from '../disk/open-file.js';
import { LineReader, LONGEST_ROW } from '../format/line.js';

/** After a look at so many lines other callbacks get their turn. */
const SLICE = 500;

/** The lines of one file that can't be read, and the jobs that they hold. */
export class Unreadable {
  /** First fields. */
  readonly #keys = new Set<string>();
  /** Where those are that were met and not yet looked at again: offsets and lengths by turns. */
  #met: number[] = [];
  #confirmed = 0;

  /** Takes note of a line. @param key its first field */
  add(key: string, offset: number, length: number): void {
    this.#keys.add(key);
    this.#met.push(offset, length);
  }

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** Whether such a line has this first field. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Every first field. */
  keys(): IterableIterator<string> {
    return this.#keys.values();
  }

  /**
   * How many lines can't be read. Each is looked at a second time, once: one that a living process was crossing out
   * when it was read looked damaged for that moment only.
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
