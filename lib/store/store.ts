import { basename, dirname, resolve } from 'node:path';
import type { Clock } from '../clock.js';
import { TsvqError } from '../errors.js';
import type { ResolvedQueueOptions } from '../options.js';
import {
  type Appended,
  Commit,
  type CommitContext,
  type Decide,
  mostOf,
  type Needs,
  type Outcome,
} from './commit.js';
import type { CompactionSummary } from './compact.js';
import { CurrentFile } from './current-file.js';
import { type FileSystem, storeError, systemFs } from './fs.js';
import { Holder } from './holder.js';
import type { JobIndex } from './job-index.js';
import type { Lock } from './lock.js';
import type { OpenFile } from './open-file.js';
import { type Processes, systemProcesses } from './owner.js';
import { type Superseded, strike } from './strike.js';
import { closeTail, endOf } from './tail.js';
import { isPastRetention, isWorthCompacting } from './worthwhile.js';

export type { CompactionSummary } from './compact.js';

/** What the world outside of the store is; simulations have their own. */
export interface World {
  readonly fs: FileSystem;
  readonly processes: Processes;
}

type AppendedTo = Appended & { readonly file: OpenFile };

/** After so many reads other callbacks get their turn. */
const READS_A_TURN = 16;
/** After so many starts of one commit over again, something else than bad luck is at work. */
const MOST_ROUNDS = 20;
/** So long at the most, a row that another process is just writing is seen by half. */
const MID_WRITE_MS = 2;

/**
 * The queue file as a store: reads without a lock, commits under it. What is asked for while a commit is under way
 * goes into the next one, so that a thousand calls at once cost a lock, a write and a sync or two.
 */
export class Store {
  /** Absolute path as it was given; symlinks are followed at the first use. */
  readonly path: string;
  readonly options: ResolvedQueueOptions;
  readonly clock: Clock;
  readonly fs: FileSystem;
  readonly processes: Processes;
  readonly #current: CurrentFile;
  readonly #holder: Holder;
  #waiting: Commit[] = [];
  #running: Promise<void> | undefined;
  /** Between an append and its check: what stands in the file is not decided yet. */
  #appending = false;
  #closed = false;
  #reads = 0;

  constructor(
    path: string,
    options: ResolvedQueueOptions,
    clock: Clock,
    { fs, processes }: World = { fs: systemFs, processes: systemProcesses },
  ) {
    if (typeof path !== 'string' || path === '' || path.includes('\0')) {
      throw new TsvqError('INVALID_ARGUMENT', `the queue file is ${JSON.stringify(path)}; it must be a path`);
    }
    this.path = resolve(path);
    this.options = options;
    this.clock = clock;
    this.fs = fs;
    this.processes = processes;
    this.#current = new CurrentFile(this.path, fs);
    this.#holder = new Holder(this.#current, options, fs, clock, processes);
  }

  /** The path with symlinks followed: the lock, temporary files and the archive stand beside the real file. */
  get realPath(): string {
    return this.#telling(() => this.#current.realPath);
  }

  /** Whether there is a file, be it a queue or not. */
  get exists(): boolean {
    return this.#telling(() => this.fs.stat(this.realPath) !== undefined);
  }

  /** Called with each new index, before it is filled: the old one's slots mean nothing any more. */
  get onIndex(): Set<(index: JobIndex) => void> {
    return this.#current.onIndex;
  }

  get lock(): Lock {
    return this.#telling(() => this.#holder.lock);
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
      while (this.#appending) await this.#running;
      if (this.openFile() === undefined) return undefined;
      const index = await this.#current.readOn(needs).catch(this.#rethrow);
      // A commit may have put another file in its place meanwhile.
      if (index !== undefined) return index;
    }
  }

  /** Drops what is known of the file, for whoever found it to be otherwise (an editor wrote into it). */
  async forget(): Promise<void> {
    while (this.#running) await this.#running.catch(() => {});
    this.#current.drop();
  }

  /** The file as it is now, without reading its rows; undefined if there is none. */
  openFile(): OpenFile | undefined {
    this.#assertOpen();
    // A commit under way has its hands on the file; its own look at the path will do.
    if (this.#running !== undefined && this.#current.file !== undefined) return this.#current.file;
    return this.#reopen();
  }

  /**
   * Commits the rows that `decide` asks for, together with what others ask for at the same time. `decide` is called
   * under the lock, and again if the commit has to start over: it must find out by itself what is in already.
   *
   * @returns what was written: all rows, or the first few and the error that stopped the rest
   * @throws whatever `decide` throws, and TsvqError where nothing was written
   */
  async commit(needs: Needs, decide: Decide): Promise<Outcome> {
    this.#assertOpen();
    const commit = new Commit(needs, decide);
    this.#waiting.push(commit);
    this.#running ??= this.#run();
    return commit.outcome;
  }

  /** Puts right what somebody left who died in the midst of a commit. */
  async repair(): Promise<void> {
    await this.exclusively(async () => {
      await this.#closeTail(this.#current.file as OpenFile);
    });
  }

  /** Compacts now. */
  async compact(): Promise<CompactionSummary> {
    this.#assertOpen();
    let summary: CompactionSummary | undefined;
    await this.exclusively(async () => {
      summary = await this.#holder.compact().catch(this.#rethrow);
    });
    return summary ?? { kept: 0, archived: 0, recovered: 0, bytesBefore: 0, bytesAfter: 0 };
  }

  /**
   * Lets something else write the file, under the lock, and then writes it anew: that others have this file open
   * they know by its inode, and an edit in place would leave them with what they read before.
   *
   * @throws TsvqError `NOT_A_QUEUE` if what is left is no queue; it then stays as it is
   */
  async edit(run: () => Promise<void>): Promise<CompactionSummary> {
    let summary: CompactionSummary | undefined;
    await this.exclusively(async () => {
      await run();
      this.#current.drop();
      if (this.#reopen() !== undefined) summary = await this.#holder.compact().catch(this.#rethrow);
    });
    if (summary === undefined) throw new TsvqError('NOT_A_QUEUE', `${this.path} is missing or empty`);
    return summary;
  }

  /** Compacts if it is worth it; see there. @param smallToo a small file even for one superseded row */
  async compactIfWorthwhile(smallToo: boolean): Promise<void> {
    const { index } = this.#current;
    if (index === undefined) return;
    const past = isPastRetention(index.file, this.clock.now(), this.options.retention);
    if (past || isWorthCompacting(index, smallToo)) await this.compact();
  }

  /** Calls `changed` when something may have happened to the file. @returns the end of it */
  watch(changed: () => void): () => void {
    const name = basename(this.realPath);
    return this.fs.watch(dirname(this.realPath), (other) => {
      if (other === null || other === name) changed();
    });
  }

  /** Runs something while nobody else appends to the file, when the commits asked for before are done. */
  async exclusively(run: () => Promise<void>): Promise<void> {
    this.#assertOpen();
    while (this.#running) await this.#running.catch(() => {});
    this.#running = this.#locked(async () => {
      this.lock.beginRewrite();
      if (this.#reopen() !== undefined) await run();
    });
    try {
      await this.#running;
    } finally {
      this.#running = this.#waiting.length > 0 ? this.#run() : undefined;
    }
  }

  /** Waits for what is under way, and lets go of everything. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running) await this.#running.catch(() => {});
    this.#current.drop();
    this.#holder.tidy();
  }

  // ---- under the lock ----

  async #run(): Promise<void> {
    // A call's own turn ends first: calls made together are committed together, and a caller that blocks its event
    // loop right afterwards does so before the lock is taken, not while it is held.
    await undefined;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#commitAll(batch);
      } catch (error) {
        for (const commit of batch) commit.fail(storeError(error, this.path));
      }
    }
    this.#running = undefined;
  }

  async #commitAll(batch: readonly Commit[]): Promise<void> {
    let open = batch;
    for (let round = 0; open.length > 0; round++) {
      if (this.#holder.broken) throw this.#holder.broken;
      if (round === MOST_ROUNDS) {
        throw new TsvqError('WRITE_FAILED', `${this.path} kept being replaced while the lock was held`);
      }
      // When it starts over, it has to find out what is in already.
      const needs = round > 0 ? 'all' : mostOf(open);
      if (round > 0) this.#current.forget();
      // The bulk of the reading happens before the lock is taken.
      if (needs !== 'nothing' && this.#current.reopen()) await this.#current.readOn(needs);
      const appended =
        (needs === 'nothing' ? await this.#besideHolder(open) : undefined) ??
        (await this.#underLock(open, needs, round));
      if (appended === undefined) continue;
      const { file, any, superseded } = appended;
      const saved = any && this.options.durability === 'sync' && (await this.#makeDurable(file, superseded));
      // A compaction has taken the rows along. A person who put another file there may not have: look what is in.
      if (any && !saved && !file.isCurrent()) for (const commit of open) commit.reopen();
      // Acknowledged only now: nobody's code runs under the lock, and what it is told survives power loss.
      for (const commit of open) commit.settle();
      const left = open.filter((commit) => !commit.settled);
      if (left.length < open.length) round = 0;
      open = left;
    }
  }

  /**
   * New jobs depend on nothing that stands in the file, so they need not wait for whoever decides something: their rows
   * are appended beside those of others. Only who rewrites the file has to be alone.
   *
   * @returns undefined where that can't be: there is no file yet, its last line is to be closed, somebody rewrites it
   */
  async #besideHolder(open: readonly Commit[]): Promise<AppendedTo | undefined> {
    if (!this.#canAppend()) return undefined;
    const file = this.#current.file as OpenFile;
    const before = endOf(this.fs, file);
    if (before === undefined) return undefined;
    // Looked at after the append: either whoever rewrites the file has read it, or it is seen here.
    const isValid = (): boolean => !this.lock.isRewriting && file.isCurrent();
    const closeTail = (): Promise<void> =>
      this.#locked(async () => {
        await this.#closeTail(file);
      });
    return this.#append(open, { file, before, index: this.#current.index, round: 0, isValid, closeTail });
  }

  #canAppend(): boolean {
    const file = this.#reopen();
    return file?.writable === true && file.layout.current && !this.lock.isRewriting;
  }

  /** @returns undefined if another has made the file meanwhile, so that the lock is no longer needed */
  async #underLock(open: readonly Commit[], needs: Needs, round: number): Promise<AppendedTo | undefined> {
    const isNeeded = needs === 'nothing' ? () => !this.#canAppend() : undefined;
    return this.#locked(async () => {
      const file = await this.#holder.writableFile();
      const end = await this.#closeTail(file);
      // What it returns, not what is current afterwards: somebody may begin a new index for a look meanwhile.
      const index = needs === 'nothing' ? this.#current.index : await this.#current.readOn(needs);
      // Where others append beside the lock, the file may have grown since.
      const before = needs === 'nothing' ? end : (index?.position ?? end);
      const isValid = (): boolean => this.lock.stillHeld() && file.isCurrent();
      const closeTail = async (): Promise<void> => {
        await this.#closeTail(file);
      };
      return this.#append(open, { file, before, index, round, isValid, closeTail });
    }, isNeeded);
  }

  async #append(open: readonly Commit[], context: Omit<CommitContext, 'fs' | 'now'>): Promise<AppendedTo> {
    this.#appending = true;
    try {
      const appended = await Commit.write({ ...context, fs: this.fs, now: this.clock.now() }, open);
      return { ...appended, file: context.file };
    } finally {
      this.#appending = false;
    }
  }

  /** Under the lock. */
  async #closeTail(file: OpenFile): Promise<number> {
    let end = endOf(this.fs, file);
    if (end !== undefined) return end;
    // A row that somebody appends beside the lock may be seen half written.
    await this.clock.sleep(MID_WRITE_MS);
    end = closeTail(this.fs, file);
    // Before anything follows: power loss could keep what does, and lose the LF between the two.
    if (this.options.durability === 'sync') {
      await this.fs.fdatasync(file.fd).catch((cause) => this.#holder.save(cause));
    }
    return end;
  }

  /** @returns undefined if the lock was no longer needed before it could be taken */
  async #locked<T>(run: () => Promise<T>, isNeeded?: () => boolean): Promise<T | undefined> {
    if (!(await this.#holder.enter(isNeeded).catch(this.#rethrow))) return undefined;
    try {
      return await run();
    } finally {
      this.#holder.leave();
    }
  }

  /**
   * Syncs what was appended, and then strikes out what that supersedes. The lock was let go before: others may append
   * and sync meanwhile, and the disk takes all of it in one go. What they build on rows of ours that no sync has
   * covered yet, their own sync covers as well; and of a file that somebody has written anew since, the old and the
   * new one are on the disk.
   *
   * @returns whether it had to be written into a new file
   */
  async #makeDurable(file: OpenFile, superseded: Superseded[]): Promise<boolean> {
    try {
      // Never a second try: after a failed sync the kernel takes the lost pages for clean, and the next sync says that
      // all is well. It tells each descriptor that was open then, so others who appended learn of it by their own.
      await this.fs.fdatasync(file.fd);
    } catch (cause) {
      await this.#save(cause);
      return true;
    }
    // Only now: else power loss could take the new row and leave the old one struck. A strike that fails changes
    // nothing that anyone is told.
    await strike(this.fs, file, superseded).catch(() => {});
    return false;
  }

  async #save(cause: unknown): Promise<void> {
    await this.#locked(async () => {
      if (this.#reopen() !== undefined) await this.#holder.save(cause);
    });
  }

  #reopen(): OpenFile | undefined {
    return this.#telling(() => this.#current.reopen());
  }

  #telling<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      return this.#rethrow(error);
    }
  }

  /** A system error as one of ours. */
  readonly #rethrow = (error: unknown): never => {
    throw storeError(error, this.path);
  };

  #assertOpen(): void {
    if (this.#closed) throw new TsvqError('CLOSED', `the queue ${this.path} was closed`);
    if (this.#holder.broken) throw this.#holder.broken;
  }
}
