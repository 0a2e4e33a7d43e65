import { randomHex } from '../../job/random.js';
import type { OpenFile } from '../disk/open-file.js';
import type { NewJobFields } from '../format/columns.js';
import type { Layout } from '../format/layout.js';
import { type Change, StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { readJobs, runningJobs } from '../index/rows.js';

/** How much of the file a transaction reads: nothing, the open part, or the sealed part as well. */
export type Reads = 'nothing' | 'open' | 'all';

/** The file as one try of a commit finds it. If a transaction reads it, the try has the lock. */
export interface Snapshot {
  readonly file: OpenFile;
  readonly index: JobIndex | undefined;
  /** The time of the try, in ms since 1970. */
  readonly now: number;
  /** The jobs of the commit that were run and archived since its first try; empty in the first try. */
  readonly archived: ReadonlySet<string>;
  /** The rows of the earlier transactions in the same commit, by job. */
  readonly decided: Map<string, StoredJob>;
}

/** The error that makes a change start over, because a person edited the file in place. */
export class StaleIndex extends Error {}

/**
 * The view that one change has of the queue, and the rows that it asks for.
 *
 * A commit may have to start over when rows of an earlier try are in the file. The change doesn't see those rows. It
 * finds their jobs as they were before, and decides as if for the first time. A row that it asks for again is not
 * written twice. So a change needn't know of earlier tries.
 *
 * @example
 * await store.update('open', (tx) => {
 *   const job = tx.job(id);
 *   if (job !== undefined && !isFinal(job.status)) tx.change(job, { status: 'cancelled' });
 * });
 */
export class Transaction {
  /** The rows to append. */
  readonly rows: StoredJob[] = [];
  readonly #snapshot: Snapshot;
  /** The rows of earlier tries that are in the file, by job. */
  readonly #written = new Map<string, StoredJob>();

  /** @param tried the rows that earlier tries asked for */
  constructor(snapshot: Snapshot, tried: readonly StoredJob[] = []) {
    this.#snapshot = snapshot;
    for (const row of tried) if (this.#isIn(row)) this.#written.set(row.id, row);
  }

  /** The time of the try, in ms since 1970. */
  get now(): number {
    return this.#snapshot.now;
  }

  get layout(): Layout {
    return this.#snapshot.file.layout;
  }

  /** The index. A transaction that reads nothing must not ask for it. */
  get index(): JobIndex {
    const { index } = this.#snapshot;
    if (index === undefined) throw new Error('this transaction said that it reads nothing');
    return index;
  }

  /** Returns the newest row of a job; undefined if there is none. */
  job(id: string): StoredJob | undefined {
    const mine = this.#written.get(id);
    if (mine !== undefined) return mine.from;
    const decided = this.#snapshot.decided.get(id);
    if (decided !== undefined) return decided;
    const slot = this.index.find(id);
    return slot === undefined ? undefined : this.#read(slot);
  }

  /** Gives every job that is processing. */
  *running(): IterableIterator<StoredJob> {
    const { decided } = this.#snapshot;
    for (const job of runningJobs(this.index)) {
      if (!decided.has(job.id) && !this.#written.has(job.id)) yield job;
    }
    for (const job of decided.values()) if (job.status === 'processing') yield job;
    for (const { from } of this.#written.values()) if (from?.status === 'processing') yield from;
  }

  /** Adds a job. @returns its id */
  add(job: NewJobFields, id: string = randomHex(8)): string {
    this.put(StoredJob.first(id, job, this.layout));
    return id;
  }

  /** Changes fields of a job, by a new row. @param job the newest row of the job */
  change(job: StoredJob, change: Change): void {
    this.put(job.next(change));
  }

  /** Asks for a row that was made before; see {@link StoredJob.next}. */
  put(row: StoredJob): void {
    if (!this.#written.has(row.id)) this.rows.push(row);
  }

  /** True if a row that was read earlier is still the newest row of its job. */
  isNewest({ id, version, status, known }: StoredJob): boolean {
    const { decided, index } = this.#snapshot;
    const other = this.#written.size > 0 ? this.#written.get(id) : undefined;
    if (other !== undefined) return other.from?.version === version;
    const newer = decided.size > 0 ? decided.get(id) : undefined;
    if (newer !== undefined) return newer.version === version && newer.status === status;
    const slot = known?.index === index ? known?.slot : this.index.find(id);
    return slot !== undefined && this.index.version(slot) === version && this.index.status(slot) === status;
  }

  /** Returns the row of an earlier try that is in the file and is the newest row of its job; otherwise undefined. */
  written(id: string): StoredJob | undefined {
    return this.#written.get(id);
  }

  /** Lists the jobs whose rows are in the file. @param rows how many rows of this try are in the file */
  idsInFile(rows: number): string[] {
    return [...this.#written.keys(), ...this.rows.slice(0, rows).map(({ id }) => id)];
  }

  #isIn(row: StoredJob): boolean {
    const { id, version, status, layout } = row;
    const slot = this.index.find(id);
    // For a new job's row it is enough that a job with its id is in the file, or was.
    if (row.from === undefined) return slot !== undefined || this.#snapshot.archived.has(id);
    if (slot === undefined || this.index.version(slot) !== version || this.index.status(slot) !== status)
      return false;
    // A worker on another host may have written the same version. A compaction empties follow_ups.
    const { row: found, layout: columns } = this.#read(slot);
    return layout.names.every(
      (name, i) => name === 'follow_ups' || found[columns.names.indexOf(name)] === row.row[i],
    );
  }

  #read(slot: number): StoredJob {
    const [job] = readJobs(this.index, [slot]);
    if (job === undefined) throw new StaleIndex();
    return job;
  }
}
