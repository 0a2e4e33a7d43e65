import { OUR_ID } from '../format/line.js';
import { IdMap } from './id-map.js';

/**
 * Which rows behind the finished jobs that a compaction has set apart may supersede one of those: such as are not their
 * job's first, and of whose job no crossed-out row says that it is another one, since it is its first, or was there when
 * the file was written.
 *
 * A crossed-out row has lost the first digit of its id; the other fifteen tell a job from all others.
 */
export class LateRows {
  readonly #newFrom: number;
  #ids = new IdMap();

  /** @param newFrom where the file ended when it was written */
  constructor(newFrom: number) {
    this.#newFrom = newFrom;
  }

  /** Takes note of a crossed-out row. @param id with `#` for its first digit */
  addStruck(offset: number, version: string, id: string): void {
    const isNone = version === '1' || offset < this.#newFrom;
    if (isNone && id.length === OUR_ID) this.#ids.numberOf(key(id));
  }

  /** Of a row whose job has no other yet, and whose version is not its first. */
  mayOvertake(offset: number, id: string): boolean {
    return offset >= this.#newFrom && !(this.#ids.size > 0 && this.#ids.has(key(id)));
  }

  /** Once the end of the file is reached: whoever's row was crossed out by then has another before it. */
  clear(): void {
    if (this.#ids.size > 0) this.#ids = new IdMap();
  }
}

const key = (id: string): string => `0${id.slice(1)}`;
