import { OUR_ID } from '../format/id.js';
import { IdMap } from './id-map.js';

/**
 * Finds late rows: rows that may belong to a job in the sealed part. A late row is not its job's first. No
 * crossed-out row proves that its job is another one. A proof is that job's first row, or one that was there
 * when the file was written.
 *
 * A crossed-out row has lost the first digit of its id. The other fifteen tell a job from all others.
 */
export class LateRows {
  readonly #newFrom: number;
  #ids = new IdMap();

  /** @param newFrom where the file ended after its compaction */
  constructor(newFrom: number) {
    this.#newFrom = newFrom;
  }

  /** Notes a crossed-out row. @param id with `#` for its first digit */
  addStruck(offset: number, version: string, id: string): void {
    const isNone = version === '1' || offset < this.#newFrom;
    if (isNone && id.length === OUR_ID) this.#ids.numberOf(key(id));
  }

  /** True for a late row. Ask for rows whose job has no other yet, after version 1. */
  mayOvertake(offset: number, id: string): boolean {
    return offset >= this.#newFrom && !(this.#ids.size > 0 && this.#ids.has(key(id)));
  }

  /** Call it at the end of the file: jobs whose row was crossed out have an earlier one by then. */
  clear(): void {
    if (this.#ids.size > 0) this.#ids = new IdMap();
  }
}

const key = (id: string): string => `0${id.slice(1)}`;
