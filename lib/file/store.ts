import { basename, dirname, resolve } from 'node:path';
import { queuePath } from '../job/checks.js';
import type { Clock } from '../job/clock.js';
import { loaded } from '../job/dependency.js';
import { TsvqError } from '../job/errors.js';
import { Listeners } from '../job/listeners.js';
import type { ResolvedQueueOptions } from '../job/queue-options.js';
import type { Changes } from './commit/changes.js';
import type { Reads } from './commit/transaction.js';
import type { Decide } from './commit/update.js';
import type { CompactionSummary } from './compaction/compact.js';
import type { Extras } from './compaction/extras.js';
import type { Purge } from './compaction/purge.js';
import { detachment } from './disk/detached.js';
import { type FileSystem, withStoreErrors, withStoreErrorsSync } from './disk/fs.js';
import { newerThanThis } from './disk/newer-format.js';
import type { OpenFile } from './disk/open-file.js';
import { CurrentFile } from './index/current-file.js';
import type { JobIndex } from './index/job-index.js';
import { type Environment, systemEnvironment } from './lock/environment.js';
import { Lock } from './lock/lock.js';
import type { Processes } from './lock/process-id.js';
import { OngoingWork, type Reins } from './ongoing-work.js';

/** After this many reads other callbacks get their turn. */
const READS_A_TURN = 16;

/**
 * The queue file as a store. It reads without the lock; {@link Changes} has the operations that change the file.
 */
export class Store {
  /** The given path, made absolute; symlinks are followed at the first use. */
  readonly path: string;
  readonly options: ResolvedQueueOptions;
  readonly clock: Clock;
  readonly fs: FileSystem;
  readonly processes: Processes;
  /** The functions of this process that hear what happens. */
  readonly listeners: Listeners = new Listeners();
  readonly #current: CurrentFile;
  readonly #environment: Environment;
  #lock: Lock | undefined;
  #loading: Promise<Changes> | undefined;
  #changes: Changes | undefined;
  readonly #work: OngoingWork;
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
    this.#environment = environment;
    this.#work = new OngoingWork(clock);
  }

  /** The path with symlinks followed. The lock, temporary files and the archive are beside the real file. */
  get realPath(): string {
    return withStoreErrorsSync(this.path, () => this.#current.realPath);
  }

  /** True if the file exists, queue or not. */
  get exists(): boolean {
    return withStoreErrorsSync(this.path, () => this.fs.stat(this.realPath) !== undefined);
  }

  /** The callbacks for each new index, called before it is filled, because the old index's slots are invalid then. */
  get onIndex(): Set<(index: JobIndex) => void> {
    return this.#current.onIndex;
  }

  /** The lock, made at the first use because it is in the real file's folder behind symlinks. */
  get lock(): Lock {
    this.#lock ??= new Lock(`${this.realPath}.lock`, this.options.lockTimeout, this.#environment, () =>
      this.#current.refuseOtherHome(),
    );
    return this.#lock;
  }

  /**
   * Reads new rows, without the lock. Use it to look at jobs; a decision needs a commit.
   *
   * @param needs 'open': enough to find open jobs; 'all': the finished jobs as well
   * @returns undefined if there is no queue file
   */
  async read(needs: 'open' | 'all'): Promise<JobIndex | undefined> {
    const { access } = this.#current;
    // If nothing is new, a read doesn't wait. A caller that reads in a loop until a job ends must not keep
    // the worker in its own process from ending it.
    if (++this.#reads % READS_A_TURN === 0) await new Promise(setImmediate);
    for (;;) {
      while (access.busy) await access.busy;
      if (this.openFile() === undefined) return undefined;
      const index = await withStoreErrors(this.path, () => this.#current.readOn(needs));
      // The index was dropped meanwhile, or the file was replaced.
      if (index !== undefined) return index;
    }
  }

  /** Drops the index, for a caller that found it wrong because an editor wrote into the file. */
  async forget(): Promise<void> {
    if (this.#changes === undefined) this.#current.drop();
    else await this.#changes.forget();
  }

  /** Returns the current file without reading its rows; undefined if there is none. */
  openFile(): OpenFile | undefined {
    this.#assertOpen();
    return withStoreErrorsSync(this.path, () => this.#current.reopen());
  }

  /** The reason that forbids writes; undefined if there is none. */
  get obstacle(): string | undefined {
    const file = this.openFile() ?? { path: this.realPath, format: 1 };
    return newerThanThis(file) ?? detachment(this.fs, file);
  }

  /**
   * Commits the rows that `decide` asks for, together with other callers' rows. `decide` is called under the
   * lock, or without it if it reads nothing. It is called again if the commit starts over ({@link Transaction}).
   *
   * @returns what `decide` returned, when its rows are in the file and durable
   * @throws what `decide` throws, and TsvqError if rows could not be written; `written` has the ids that are
   *   in the file, if known
   */
  async update<T>(reads: Reads, decide: Decide<T>): Promise<T> {
    this.#assertOpen();
    const { committer } = this.#changes ?? (await this.#load());
    return committer.update(reads, decide);
  }

  /** Repairs the file after a process died in the middle of a commit. */
  async repair(): Promise<void> {
    this.#assertOpen();
    await (await this.#load()).repair();
  }

  /** Takes the lock from owners that may continue at any moment, whose writes fail. Then compacts. */
  async takeOver(tokens: readonly string[]): Promise<void> {
    await (await this.#load()).takeOver(tokens);
  }

  /** Compacts now. @param purge the jobs to take out of the file @param extras what to do besides */
  async compact(purge?: Purge, extras?: Extras): Promise<CompactionSummary> {
    this.#assertOpen();
    const summary = await (await this.#load()).compact(purge, extras);
    return summary ?? { kept: 0, archived: 0, dropped: 0, recovered: 0, bytesBefore: 0, bytesAfter: 0 };
  }

  /** Lets `run` write the file, under the lock; see {@link Changes.edit}. */
  async edit(run: () => Promise<void>): Promise<CompactionSummary> {
    return (await this.#load()).edit(run);
  }

  /** Compacts if it is worth it. @param includesSmall true to compact a small file for one superseded row */
  async compactIfWorthwhile(includesSmall: boolean): Promise<void> {
    this.#assertOpen();
    await (await this.#load()).compactIfWorthwhile(includesSmall);
  }

  /**
   * Strikes the superseded rows that a killed process left unstruck. Only a file written after `then` can
   * have new ones.
   *
   * @param then in ms, by the file system's clock
   */
  async crossOutSince(then: number): Promise<void> {
    if ((this.fs.stat(this.realPath)?.mtimeMs ?? 0) < then || this.options.durability === 'os') return;
    const index = await this.read('open');
    if (index !== undefined && index.uncrossed.length > 0) await (await this.#load()).crossOut(index);
  }

  /** Calls `changed` when the file may have changed. @returns the function that ends this */
  watch(changed: () => void): () => void {
    const name = basename(this.realPath);
    return this.fs.watch(dirname(this.realPath), (other) => {
      if (other === null || other === name) changed();
    });
  }

  /** Runs `run` while no other process appends to the file, after the commits asked for before. */
  async exclusively<T>(run: () => Promise<T>): Promise<T | undefined> {
    this.#assertOpen();
    return (await this.#load()).exclusively(run);
  }

  /**
   * Does work that takes more than a commit; closing the queue waits for that work.
   *
   * @param reins the ways to end work that would continue by itself. A closing queue refuses such work
   */
  async work<T>(work: () => Promise<T>, reins?: Reins): Promise<T> {
    this.#assertOpen();
    if (this.#work.isEnding && reins !== undefined) throw this.#isClosed();
    return this.#work.run(work, reins);
  }

  /** Waits for running work and releases everything. */
  async close(): Promise<void> {
    const ended = this.#work.stop();
    // If there is no work, no later call may run before this one ends.
    if (ended !== undefined) await ended;
    this.#closed = true;
    if (this.#loading === undefined) this.#current.drop();
    else await (await this.#loading).close();
  }

  /** Ends work that continues by itself, because the process dies of `error`. Resolves when done, or after a limit. */
  async abandon(error: unknown): Promise<void> {
    await this.#work.abandon(error);
  }

  /** Loads the code that writes the file. Then a first change finds it even if the package is replaced. */
  preload(): void {
    // A change that needs the code reports the error.
    this.#load().catch(() => {});
  }

  /** Loads the code that writes the file, at the first change. */
  async #load(): Promise<Changes> {
    this.#loading ??= loaded('what changes the file', import('./commit/changes.js')).then(({ Changes }) => {
      const lock = (): Lock => this.lock;
      const { options, listeners } = this;
      const parts = { current: this.#current, options, environment: this.#environment, lock, listeners };
      this.#changes = new Changes(parts);
      return this.#changes;
    });
    return this.#loading;
  }

  #assertOpen(): void {
    if (this.#closed) throw this.#isClosed();
    if (this.#changes?.broken) throw this.#changes.broken;
  }

  #isClosed(): TsvqError {
    return new TsvqError('CLOSED', `the queue ${this.path} was closed`);
  }
}
