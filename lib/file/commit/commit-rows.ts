import { keyName } from '../format/key-name.js';
import type { StoredJob } from '../format/stored-job.js';

/** A number of bytes, summed up as far as the rows were looked through. */
interface Sum {
  rows: number;
  bytes: number;
}

/** The rows that one commit will append, in order, as far as its changes have decided. Finds those that join others. */
export class CommitRows {
  readonly rows: StoredJob[] = [];
  readonly #byId = new Map<string, StoredJob>();
  readonly #withKey = new Map<string, StoredJob[]>();
  readonly #waiting: StoredJob[] = [];
  /** How many rows have been looked through, because most commits never ask. */
  #seen = 0;
  readonly #most: Sum = { rows: 0, bytes: 0 };
  readonly #exact: Sum = { rows: 0, bytes: 0 };

  /** The most bytes that the rows can have in the file, for less than it costs to make their text. */
  get mostBytes(): number {
    return this.#sum(this.#most, ({ row }) => {
      let units = 0;
      for (const field of row) units += field.length + 1;
      // No character takes more than three bytes for each of its UTF-16 units.
      return units * 3;
    });
  }

  /** How many bytes the rows have in the file, line ends included. */
  get bytes(): number {
    return this.#sum(this.#exact, ({ text }) => Buffer.byteLength(text) + 1);
  }

  /** Returns the row of a job. */
  find(id: string): StoredJob | undefined {
    if (this.rows.length === 0) return undefined;
    this.#look();
    return this.#byId.get(id);
  }

  /** Returns the rows with a key. */
  withKey(type: string, key: string): readonly StoredJob[] {
    this.#look();
    return this.#withKey.get(keyName(type, key)) ?? [];
  }

  /** Returns the rows of jobs that wait for this one. */
  childrenOf(id: string): StoredJob[] {
    this.#look();
    return this.#waiting.filter(({ after }) => after?.ids.includes(id));
  }

  #sum(sum: Sum, bytesOf: (row: StoredJob) => number): number {
    for (; sum.rows < this.rows.length; sum.rows++) sum.bytes += bytesOf(this.rows[sum.rows] as StoredJob);
    return sum.bytes;
  }

  #look(): void {
    for (; this.#seen < this.rows.length; this.#seen++) {
      const row = this.rows[this.#seen] as StoredJob;
      const { dedupeKey } = row;
      this.#byId.set(row.id, row);
      if (row.status === 'waiting') this.#waiting.push(row);
      if (dedupeKey === '') continue;
      const name = keyName(row.type, dedupeKey);
      const others = this.#withKey.get(name);
      if (others === undefined) this.#withKey.set(name, [row]);
      else others.push(row);
    }
  }
}
