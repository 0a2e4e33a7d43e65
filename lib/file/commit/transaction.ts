import { randomHex } from '../../job/random.js';
import type { OpenFile } from '../disk/open-file.js';
import type { NewJobFields } from '../format/columns.js';
import type { Layout } from '../format/layout.js';
import { type Change, StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { readJobs, runningJobs } from '../index/rows.js';

/** How much of the file a transaction reads: nothing, what is still to do, or the finished jobs as well. */
export type Reads = 'nothing' | 'open' | 'all';

/** The file as one try of a commit finds it: to its end, and under the lock, if a transaction reads it. */
export interface Snapshot {
  readonly file: OpenFile;
  readonly index: JobIndex | undefined;
  /** In ms since 1970. */
  readonly now: number;
  /** In a further try: jobs of the commit that have gone through the queue to the archive meanwhile. */
  readonly archived: ReadonlySet<string>;
  /** What the transactions before this one in the same commit have made of jobs. */
  readonly decided: Map<string, StoredJob>;
}

/** The file does not say what was read of it: a person has edited it in place. The change starts over. */
export class StaleIndex extends Error {}

/**
 * What one change sees of the queue, and the rows that it asks for.
 *
 * A commit may have to start over, and then rows of an earlier try may be in the file. They are not seen: the change
 * finds their jobs as they were before it, decides as if for the first time, and what it asks for again is not written
 * twice. So a change needs to know nothing of earlier tries.
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

  /** @param tried what an earlier try has asked for */
  constructor(snapshot: Snapshot, tried: readonly StoredJob[] = []) {
    this.#snapshot = snapshot;
    for (const row of tried) if (this.#isIn(row)) this.#written.set(row.id, row);
  }

  /** In ms since 1970. */
  get now(): number {
    return this.#snapshot.now;
  }

  get layout(): Layout {
    return this.#snapshot.file.layout;
  }

  /** Only for a transaction that reads the file. */
  get index(): JobIndex {
    const { index } = this.#snapshot;
    if (index === undefined) throw new Error('this transaction said that it reads nothing');
    return index;
  }

  /** The newest row of a job; undefined if there is none. */
  job(id: string): StoredJob | undefined {
    const mine = this.#written.get(id);
    if (mine !== undefined) return mine.from;
    const decided = this.#snapshot.decided.get(id);
    if (decided !== undefined) return decided;
    const slot = this.index.find(id);
    return slot === undefined ? undefined : this.#read(slot);
  }

  /** Every job that is processing. */
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

  /** Changes a job: its next row has these fields. @param job its newest row */
  change(job: StoredJob, change: Change): void {
    this.put(job.next(change));
  }

  /** Asks for a row that was made before; see {@link StoredJob.next}. */
  put(row: StoredJob): void {
    if (!this.#written.has(row.id)) this.rows.push(row);
  }

  /** Whether a row that was read earlier is still its job's newest. */
  isNewest({ id, version, status, known }: StoredJob): boolean {
    const { decided, index } = this.#snapshot;
    const other = this.#written.size > 0 ? this.#written.get(id) : undefined;
    if (other !== undefined) return other.from?.version === version;
    const newer = decided.size > 0 ? decided.get(id) : undefined;
    if (newer !== undefined) return newer.version === version && newer.status === status;
    const slot = known?.index === index ? known?.slot : this.index.find(id);
    return slot !== undefined && this.index.version(slot) === version && this.index.status(slot) === status;
  }

  /** The row of an earlier try that is in the file, and is its job's newest; undefined if there is none. */
  written(id: string): StoredJob | undefined {
    return this.#written.get(id);
  }

  /** The jobs that it has rows of in the file, if so many of those that it asks for now are in. */
  idsInFile(rows: number): string[] {
    return [...this.#written.keys(), ...this.rows.slice(0, rows).map(({ id }) => id)];
  }

  #isIn(row: StoredJob): boolean {
    const { id, version, status, layout } = row;
    const slot = this.index.find(id);
    // Of a new job it is enough that there is one, or was.
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
