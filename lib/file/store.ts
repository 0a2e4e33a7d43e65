import { basename, dirname, resolve } from 'node:path';
import { queuePath } from '../job/checks.js';
import type { Clock } from '../job/clock.js';
import { TsvqError } from '../job/errors.js';
import type { ResolvedQueueOptions } from '../job/options.js';
import { Appender } from './commit/appender.js';
import { Committer } from './commit/committer.js';
import { Maintenance, newerThanThis } from './commit/maintenance.js';
import type { Reads } from './commit/transaction.js';
import type { Decide } from './commit/update.js';
import type { CompactionSummary } from './compaction/compact.js';
import { isPastRetention, needsCompaction } from './compaction/policy.js';
import { removeUnfinishedRewrites } from './compaction/rewrite.js';
import { detachment } from './disk/detached.js';
import { type FileSystem, withStoreErrors, withStoreErrorsSync } from './disk/fs.js';
import type { OpenFile } from './disk/open-file.js';
import { CurrentFile } from './index/current-file.js';
import type { JobIndex } from './index/job-index.js';
import { type Environment, systemEnvironment } from './lock/environment.js';
import type { Lock } from './lock/lock.js';
import type { Processes } from './lock/process-id.js';

/** How work that would go on by itself is ended. */
export interface Reins {
  /** Told when the queue is closed. */
  readonly stop: () => void;
  /** Told when the process dies of `error`: ends at once. */
  readonly abandon: (error: unknown) => void;
}

/** So long a process that dies waits for what it has still to write. */
const LAST_WRITES_MS = 5_000;
/** After so many reads other callbacks get their turn. */
const READS_A_TURN = 16;
/**
 * The queue file as a store: reads without a lock, and what changes it, by way of a {@link Committer}.
 */
export class Store {
  /** Absolute path as it was given; symlinks are followed at the first use. */
  readonly path: string;
  readonly options: ResolvedQueueOptions;
  readonly clock: Clock;
  readonly fs: FileSystem;
  readonly processes: Processes;
  readonly #current: CurrentFile;
  readonly #maintenance: Maintenance;
  readonly #committer: Committer;
  readonly #atWork = new Set<{ reins: Reins | undefined; done: Promise<unknown> }>();
  #closing = false;
  #closed = false;
  #reads = 0;

  constructor(
    file: string | URL,
    options: ResolvedQueueOptions,
    environment: Environment = systemEnvironment,
  ) {
    const { fs, clock, processes } = environment;
    this.path = resolve(queuePath('the queue file', file));
    this.options = options;
    this.clock = clock;
    this.fs = fs;
    this.processes = processes;
    this.#current = new CurrentFile(this.path, fs);
    this.#maintenance = new Maintenance(this.#current, options, environment);
    const appender = new Appender(this.#current, this.#maintenance, fs, clock);
    this.#committer = new Committer(appender, this.#current, this.#maintenance, fs);
  }

  /** The path with symlinks followed: the lock, temporary files and the archive stand beside the real file. */
  get realPath(): string {
    return withStoreErrorsSync(this.path, () => this.#current.realPath);
  }

  /** Whether there is a file, be it a queue or not. */
  get exists(): boolean {
    return withStoreErrorsSync(this.path, () => this.fs.stat(this.realPath) !== undefined);
  }

  /** Called with each new index, before it is filled: the old one's slots mean nothing any more. */
  get onIndex(): Set<(index: JobIndex) => void> {
    return this.#current.onIndex;
  }

  get lock(): Lock {
    return withStoreErrorsSync(this.path, () => this.#maintenance.lock);
  }

  /**
   * Reads what is new, without the lock. Good for looking; a decision needs a commit.
   *
   * @param needs 'open': enough to learn what is to do; 'all': the finished jobs as well
   * @returns undefined if there is no queue file
   */
  async read(needs: 'open' | 'all'): Promise<JobIndex | undefined> {
    // Where nothing is new, nothing here waits: whoever asks again and again, for a job to end say, must not keep the
    // worker in the same process from ending it.
    if (++this.#reads % READS_A_TURN === 0) await new Promise(setImmediate);
    for (;;) {
      while (this.#current.busy) await this.#current.busy;
      if (this.openFile() === undefined) return undefined;
      const index = await withStoreErrors(this.path, () => this.#current.readOn(needs));
      // What is known of the file was dropped meanwhile, or another has its place.
      if (index !== undefined) return index;
    }
  }

  /** Drops what is known of the file, for whoever found it to be otherwise (an editor wrote into it). */
  async forget(): Promise<void> {
    await this.#committer.betweenCommits(() => this.#current.drop());
  }

  /** The file as it is now, without reading its rows; undefined if there is none. */
  openFile(): OpenFile | undefined {
    this.#assertOpen();
    return withStoreErrorsSync(this.path, () => this.#current.reopen());
  }

  /** Why nothing may be written to the file; undefined if it may be. */
  get obstacle(): string | undefined {
    const file = this.openFile() ?? { path: this.realPath, isNewer: false, format: 1 };
    return newerThanThis(file) ?? detachment(this.fs, file);
  }

  /**
   * Commits the rows that `decide` asks for, together with what others ask for at the same time. `decide` is called under
   * the lock, or without it if it reads nothing; and again if the commit has to start over: see {@link Transaction}.
   *
   * @returns what `decide` returned, when its rows are in the file and durable
   * @throws whatever `decide` throws, and TsvqError where rows could not be written; `written` has the ids of those that
   *   are in the file, if it is known
   */
  async update<T>(reads: Reads, decide: Decide<T>): Promise<T> {
    this.#assertOpen();
    return this.#committer.update(reads, decide);
  }

  /** Puts right what somebody left who died in the midst of a commit. */
  async repair(): Promise<void> {
    await this.exclusively(async () => {});
  }

  /** Takes the lock from owners who may go on any moment: what they were writing fails. Then compacts. */
  async takeOver(tokens: readonly string[]): Promise<void> {
    this.lock.evict(tokens);
    await this.exclusively(async () => {
      // Before the file is read: one of them may be about to give its own copy the name.
      removeUnfinishedRewrites(this.fs, this.realPath);
      await this.#maintenance.reclaim({ tokens });
      if (this.#current.reopen() !== undefined) await this.#maintenance.compact();
    });
    this.lock.clear(tokens);
  }

  /** Compacts now. */
  async compact(): Promise<CompactionSummary> {
    this.#assertOpen();
    const summary = await this.exclusively(() => this.#maintenance.compact());
    return summary ?? { kept: 0, archived: 0, recovered: 0, bytesBefore: 0, bytesAfter: 0 };
  }

  /**
   * Lets something else write the file, under the lock, and then writes it anew: that others have this file open
   * they know by its inode, and an edit in place would leave them with what they read before. Written anew before as
   * well: what they still have to strike out, or to look at behind an append, is in a file that nobody edits.
   *
   * @throws TsvqError `NOT_A_QUEUE` if what is left is no queue, `WRITE_FAILED` if a link was replaced by a file; it then
   *   stays as it is
   */
  async edit(run: () => Promise<void>): Promise<CompactionSummary> {
    const summary = await this.exclusively(async () => {
      await this.#maintenance.compact();
      const before = this.fs.stat(this.realPath);
      try {
        await run();
      } finally {
        // Root's editors leave a file of root's.
        await this.#maintenance.reclaim({ before });
      }
      const now = this.fs.realpath(this.path) ?? this.realPath;
      if (now !== this.realPath) {
        throw new TsvqError(
          'WRITE_FAILED',
          `${this.path} led to ${this.realPath}, and leads to ${now} now: what was written is not in the queue that others have open. ` +
            `Put it in the place of ${this.realPath}, and make the link again`,
        );
      }
      this.#current.drop();
      if (this.#current.reopen() === undefined) return undefined;
      // All of it: an old row of a finished job that a hand has put back, from a backup say, is not the newest.
      await this.#current.readOn('all');
      return this.#maintenance.compact();
    });
    if (summary === undefined) throw new TsvqError('NOT_A_QUEUE', `${this.path} is missing or empty`);
    return summary;
  }

  /** Compacts if it is worth it; see there. @param smallToo a small file even for one superseded row */
  async compactIfWorthwhile(smallToo: boolean): Promise<void> {
    const { index } = this.#current;
    if (index === undefined) return;
    const past = isPastRetention(index, this.clock.now(), this.options.retention);
    if (past || needsCompaction(index, smallToo)) await this.compact();
    else await this.#crossOut(index);
  }

  /**
   * Crosses out superseded rows that a killed process has left uncrossed. Only a file that was written since `then` can
   * have new ones.
   *
   * @param then in ms, by the file system's clock
   */
  async crossOutSince(then: number): Promise<void> {
    if ((this.fs.stat(this.realPath)?.mtimeMs ?? 0) < then || this.options.durability === 'os') return;
    const index = await this.read('open');
    if (index !== undefined) await this.#crossOut(index);
  }

  async #crossOut(index: JobIndex): Promise<void> {
    if (index.uncrossed.length === 0 || this.options.durability === 'os') return;
    await withStoreErrors(this.path, () =>
      this.#committer.betweenCommits(() => this.#maintenance.locked(() => this.#maintenance.crossOut(index))),
    );
  }

  /** Calls `changed` when something may have happened to the file. @returns the end of it */
  watch(changed: () => void): () => void {
    const name = basename(this.realPath);
    return this.fs.watch(dirname(this.realPath), (other) => {
      if (other === null || other === name) changed();
    });
  }

  /** Runs something while nobody else appends to the file, when the commits asked for before are done. */
  async exclusively<T>(run: () => Promise<T>): Promise<T | undefined> {
    this.#assertOpen();
    return withStoreErrors(this.path, () => this.#committer.exclusively(run));
  }

  /**
   * Does something that takes more than a commit: when the queue is closed, it is waited for.
   *
   * @param reins for work that would go on by itself; such work does not begin in a queue that is closing
   */
  async work<T>(work: () => Promise<T>, reins?: Reins): Promise<T> {
    this.#assertOpen();
    if (this.#closing && reins !== undefined) throw this.#isClosed();
    const done = work();
    const entry = { reins, done: done.catch(() => {}) };
    this.#atWork.add(entry);
    try {
      return await done;
    } finally {
      this.#atWork.delete(entry);
    }
  }

  /** Waits for what is under way, and lets go of everything. */
  async close(): Promise<void> {
    this.#closing = true;
    const atWork = [...this.#atWork];
    for (const { reins } of atWork) reins?.stop();
    // Where nobody is at work, nothing that is asked for after this call may come before its end.
    if (atWork.length > 0) await Promise.all(atWork.map(({ done }) => done));
    this.#closed = true;
    await this.#committer.atTheEnd(() => {
      this.#current.drop();
      this.#maintenance.tidy();
    });
  }

  /** Ends what would go on by itself, since the process dies of `error`. Resolves when that is done, or takes too long. */
  async abandon(error: unknown): Promise<void> {
    this.#closing = true;
    const ends = [...this.#atWork].flatMap(({ reins, done }) => {
      reins?.abandon(error);
      return reins === undefined ? [] : [done];
    });
    await new Promise<void>((resolve) => {
      const cancel = this.clock.later(LAST_WRITES_MS, resolve, true);
      Promise.all(ends).then(() => {
        cancel();
        resolve();
      });
    });
  }

  #assertOpen(): void {
    if (this.#closed) throw this.#isClosed();
    if (this.#maintenance.broken) throw this.#maintenance.broken;
  }

  #isClosed(): TsvqError {
    return new TsvqError('CLOSED', `the queue ${this.path} was closed`);
  }
}
