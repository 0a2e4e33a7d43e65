import { basename, dirname, resolve } from 'node:path';
import { queuePath } from '../job/checks.js';
import type { Clock } from '../job/clock.js';
import { loaded } from '../job/dependency.js';
import { TsvqError } from '../job/errors.js';
import type { ResolvedQueueOptions } from '../job/options.js';
import type { Changes } from './commit/changes.js';
import type { Reads } from './commit/transaction.js';
import type { Decide } from './commit/update.js';
import type { CompactionSummary } from './compaction/compact.js';
import { detachment } from './disk/detached.js';
import { type FileSystem, withStoreErrors, withStoreErrorsSync } from './disk/fs.js';
import { newerThanThis } from './disk/newer-format.js';
import type { OpenFile } from './disk/open-file.js';
import { CurrentFile } from './index/current-file.js';
import type { JobIndex } from './index/job-index.js';
import { type Environment, systemEnvironment } from './lock/environment.js';
import { Lock } from './lock/lock.js';
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
 * The queue file as a store. It reads without a lock; what changes the file is in {@link Changes}.
 */
export class Store {
  /** Absolute path as it was given; symlinks are followed at the first use. */
  readonly path: string;
  readonly options: ResolvedQueueOptions;
  readonly clock: Clock;
  readonly fs: FileSystem;
  readonly processes: Processes;
  readonly #current: CurrentFile;
  readonly #environment: Environment;
  #lock: Lock | undefined;
  #loading: Promise<Changes> | undefined;
  #changes: Changes | undefined;
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
    this.#environment = environment;
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

  /** In the folder of the real file, which a symlink may name: hence not before the first use. */
  get lock(): Lock {
    if (this.#lock === undefined) {
      this.#lock = new Lock(`${this.realPath}.lock`, this.options.lockTimeout, this.#environment);
      this.#lock.onMissingFolder = () => this.#current.refuseOtherHome();
    }
    return this.#lock;
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

  /** Drops what is known of the file, for a caller who found it to be otherwise: an editor wrote into it. */
  async forget(): Promise<void> {
    if (this.#changes === undefined) this.#current.drop();
    else await this.#changes.forget();
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
    const { committer } = this.#changes ?? (await this.#load());
    return committer.update(reads, decide);
  }

  /** Puts right what a process left that died in the middle of a commit. */
  async repair(): Promise<void> {
    await this.exclusively(async () => {});
  }

  /** Takes the lock from owners who may go on any moment: what they were writing fails. Then compacts. */
  async takeOver(tokens: readonly string[]): Promise<void> {
    await (await this.#load()).takeOver(tokens);
  }

  /** Compacts now. */
  async compact(): Promise<CompactionSummary> {
    this.#assertOpen();
    const summary = await (await this.#load()).compact();
    return summary ?? { kept: 0, archived: 0, recovered: 0, bytesBefore: 0, bytesAfter: 0 };
  }

  /** Lets something else write the file, under the lock; see {@link Changes.edit}. */
  async edit(run: () => Promise<void>): Promise<CompactionSummary> {
    return (await this.#load()).edit(run);
  }

  /** Compacts if it is worth it. @param smallToo a small file even for one superseded row */
  async compactIfWorthwhile(smallToo: boolean): Promise<void> {
    this.#assertOpen();
    await (await this.#load()).compactIfWorthwhile(smallToo);
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
    if (index !== undefined && index.uncrossed.length > 0) await (await this.#load()).crossOut(index);
  }

  /** Calls `changed` when something may have happened to the file. @returns the end of it */
  watch(changed: () => void): () => void {
    const name = basename(this.realPath);
    return this.fs.watch(dirname(this.realPath), (other) => {
      if (other === null || other === name) changed();
    });
  }

  /** Runs something while no other process appends to the file, when the commits asked for before are done. */
  async exclusively<T>(run: () => Promise<T>): Promise<T | undefined> {
    this.#assertOpen();
    return (await this.#load()).exclusively(run);
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
    if (this.#loading === undefined) this.#current.drop();
    else await (await this.#loading).close();
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

  /** Loads what writes the file, so that a first change finds it even if the package is replaced before. */
  preload(): void {
    // A change that needs it tells what is wrong.
    this.#load().catch(() => {});
  }

  /** Loads what writes the file, at the first change. */
  async #load(): Promise<Changes> {
    this.#loading ??= loaded('what changes the file', import('./commit/changes.js')).then(({ Changes }) => {
      const lock = (): Lock => this.lock;
      const parts = { current: this.#current, options: this.options, environment: this.#environment, lock };
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
