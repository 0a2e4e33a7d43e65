import { TsvqError } from '../../job/errors.js';
import { isFinal } from '../../job/job.js';
import { randomHex } from '../../job/random.js';
import type { OpenFile } from '../disk/open-file.js';
import type { NewJobFields } from '../format/columns.js';
import type { Layout } from '../format/layout.js';
import { type Change, StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { readJobs, runningJobs } from '../index/rows.js';
import { isOverIn, releaseOf } from '../joins/release.js';
import { CommitRows } from './commit-rows.js';

/** How much of the file a transaction reads: nothing, the open part, or the sealed part as well. */
export type Reads = 'nothing' | 'open' | 'all';

/** The file as one try of a commit finds it. If a transaction reads it, the try has the lock. */
export interface Snapshot {
  readonly file: OpenFile;
  readonly index: JobIndex | undefined;
  /** The size of the file. */
  readonly size: number;
  /** The time of the try, in ms since 1970. */
  readonly now: number;
  /** The jobs of the commit that were run and archived since its first try; empty in the first try. */
  readonly archived: ReadonlySet<string>;
  /** The rows of the earlier transactions in the same commit. */
  readonly earlier: CommitRows;
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
  /** True if the caller is told of rows that it found. They may be another process's, and not durable yet. */
  reliesOnRows = false;
  readonly #own = new CommitRows();
  /** The rows that this try asked for and that an earlier one has written. */
  readonly #again = new CommitRows();
  readonly #snapshot: Snapshot;
  /** True if an earlier try has asked for rows. */
  readonly #isFurtherTry: boolean;
  /** The rows of earlier tries that are in the file, by job. */
  readonly #written = new Map<string, StoredJob>();

  /** @param tried the rows that earlier tries asked for */
  constructor(snapshot: Snapshot, tried: readonly StoredJob[] = []) {
    this.#snapshot = snapshot;
    this.#isFurtherTry = tried.length > 0;
    for (const row of tried) if (this.#isIn(row)) this.#written.set(row.id, row);
  }

  /** The rows to append. */
  get rows(): readonly StoredJob[] {
    return this.#own.rows;
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
    const earlier = this.#snapshot.earlier.find(id);
    if (earlier !== undefined) return earlier;
    const slot = this.index.find(id);
    return slot === undefined ? undefined : this.#read(slot);
  }

  /**
   * Returns the newest rows of the jobs with a dedupe key, finished ones too: the last one that was read, and those of
   * this commit.
   */
  withKey(type: string, key: string): StoredJob[] {
    const { earlier } = this.#snapshot;
    const found = new Map<string, StoredJob>();
    for (const slot of this.index.joins.withKey(type, key)) {
      const job = this.#asOfNow(this.#read(slot));
      if (job !== undefined) found.set(job.id, job);
    }
    for (const rows of [earlier, this.#own, this.#again])
      for (const row of rows.withKey(type, key)) found.set(row.id, row);
    return [...found.values()].filter((job) => job.type === type && job.dedupeKey === key);
  }

  /** Gives every job that is processing. */
  *running(): IterableIterator<StoredJob> {
    const { earlier } = this.#snapshot;
    for (const job of runningJobs(this.index)) {
      if (earlier.find(job.id) === undefined && !this.#written.has(job.id)) yield job;
    }
    for (const job of earlier.rows) if (job.status === 'processing') yield job;
    for (const { from } of this.#written.values()) if (from?.status === 'processing') yield from;
  }

  /** Gives the rows of this commit, as far as its changes have decided. */
  *commitRows(): IterableIterator<StoredJob> {
    yield* this.#snapshot.earlier.rows;
    yield* this.rows;
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

  /** Asks for a row that was made before; see {@link StoredJob.next}. If it ends a job, those that wait for it start. */
  put(row: StoredJob): void {
    (this.#written.has(row.id) ? this.#again : this.#own).rows.push(row);
    if (isFinal(row.status) && this.#mayHaveChildren) this.#release(row.id);
  }

  /** False if no job waits for another one, as mostly. */
  get #mayHaveChildren(): boolean {
    return this.index.joins.hasChildren || this.#snapshot.earlier.rows.length > 0;
  }

  #release(id: string): void {
    const slots = this.index.joins.childrenOf(id);
    const earlier = this.#snapshot.earlier.childrenOf(id);
    if (slots.length + earlier.length === 0) return;
    const isDone = (other: string): boolean => {
      // A job without a readable row may still run.
      if (this.index.isHeld(other)) return false;
      const row = this.#written.get(other) ?? this.#own.find(other) ?? this.#snapshot.earlier.find(other);
      return row === undefined ? isOverIn(this.index, other) : isFinal(row.status);
    };
    for (const child of [...slots.map((slot) => this.#asOfNow(this.#read(slot))), ...earlier]) {
      const change = child && releaseOf(child, this.now, isDone);
      if (child !== undefined && change !== undefined) this.change(child, change);
    }
  }

  /**
   * Refuses the rows of this change if they make the file larger than `limit` bytes. If an earlier try has appended
   * rows of this change, they may be in the file, so the change stays admitted.
   *
   * @throws TsvqError `QUEUE_FULL`
   */
  limitSize(limit: number): void {
    const { size, earlier, file } = this.#snapshot;
    if (this.rows.length === 0 || this.#isFurtherTry) return;
    const wanted = earlier.bytes + this.#own.bytes;
    if (size + wanted <= limit) return;
    throw new TsvqError(
      'QUEUE_FULL',
      `no room in ${file.path}: it has ${size} bytes, and ${wanted} more would make it larger than maxBytes, ${limit}. ` +
        'Nothing was added; purge finished jobs, keep them for less long, or raise maxBytes',
    );
  }

  /** True if a row that was read earlier is still the newest row of its job. */
  isNewest({ id, version, status, known }: StoredJob): boolean {
    const { earlier, index } = this.#snapshot;
    const other = this.#written.size > 0 ? this.#written.get(id) : undefined;
    if (other !== undefined) return other.from?.version === version;
    const newer = earlier.find(id);
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

  /** Returns the newest row of a job that was read from the file, as this change finds it. */
  #asOfNow(job: StoredJob): StoredJob | undefined {
    const mine = this.#written.get(job.id);
    if (mine !== undefined) return mine.from;
    return this.#own.find(job.id) ?? this.#snapshot.earlier.find(job.id) ?? job;
  }

  #read(slot: number): StoredJob {
    const [job] = readJobs(this.index, [slot]);
    if (job === undefined) throw new StaleIndex();
    return job;
  }
}
