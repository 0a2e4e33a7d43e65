import { keyName } from '../format/key-name.js';
import type { StoredJob } from '../format/stored-job.js';

/** The rows that one commit will append, in order, as far as its changes have decided. Finds those that join others. */
export class CommitRows {
  readonly rows: StoredJob[] = [];
  readonly #byId = new Map<string, StoredJob>();
  readonly #withKey = new Map<string, StoredJob[]>();
  readonly #waiting: StoredJob[] = [];
  /** How many rows have been looked through, because most commits never ask. */
  #seen = 0;
  /** How many bytes the first rows have, and how many rows these are. */
  #bytes = 0;
  #measured = 0;

  /** How many bytes the rows have in the file, line ends included. */
  get bytes(): number {
    for (; this.#measured < this.rows.length; this.#measured++)
      this.#bytes += Buffer.byteLength((this.rows[this.#measured] as StoredJob).text) + 1;
    return this.#bytes;
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
