import type { Clock } from '../clock.js';
import { TsvqError } from '../errors.js';
import type { ResolvedQueueOptions } from '../options.js';
import { archivedSince } from './archive.js';
import {
  type Appended,
  Commit,
  type CommitContext,
  type Decide,
  mostOf,
  type Needs,
  type Outcome,
} from './commit.js';
import type { CurrentFile } from './current-file.js';
import { type FileSystem, storeError } from './fs.js';
import type { Holder } from './holder.js';
import type { OpenFile } from './open-file.js';
import { type Superseded, strike } from './strike.js';
import { closeTail, endOf } from './tail.js';

type AppendedTo = Appended & { readonly file: OpenFile };

const NONE: ReadonlySet<string> = new Set();

/** After so many starts of one commit over again, something else than bad luck is at work. */
const MOST_ROUNDS = 20;

/**
 * Commits, one after another: append, look at what has become of it, sync, strike out what is superseded, tell. What
 * is asked for while a commit is under way goes into the next one, so that a thousand calls at once cost a
 * write and a sync or two.
 */
export class Writer {
  readonly #current: CurrentFile;
  readonly #holder: Holder;
  readonly #durability: ResolvedQueueOptions['durability'];
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  #waiting: Commit[] = [];
  /** What waits for its turn between two commits. */
  readonly #between: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;

  constructor(
    current: CurrentFile,
    holder: Holder,
    durability: ResolvedQueueOptions['durability'],
    fs: FileSystem,
    clock: Clock,
  ) {
    this.#current = current;
    this.#holder = holder;
    this.#durability = durability;
    this.#fs = fs;
    this.#clock = clock;
  }

  /**
   * Does something when no commit is under way, and before any other can begin: after those that were asked for before,
   * but not after all that come meanwhile, or it would never have its turn where many do.
   */
  betweenCommits<T>(run: () => T): Promise<Awaited<T>> {
    return new Promise((resolve, reject) => {
      this.#between.push(async () => {
        try {
          resolve(await run());
        } catch (error) {
          reject(error);
        }
      });
      this.#running ??= this.#run();
    });
  }

  /** As {@link Store.commit}. */
  commit(needs: Needs, decide: Decide): Promise<Outcome> {
    const commit = new Commit(needs, decide);
    this.#waiting.push(commit);
    this.#running ??= this.#run();
    return commit.outcome;
  }

  /**
   * Runs something while nobody else appends to the file, if there is one, when the commits asked for before are done.
   * The file's last line is closed by then.
   */
  async exclusively(run: () => Promise<void>): Promise<void> {
    const underLock = async (): Promise<void> => {
      this.#holder.lock.beginRewrite();
      const file = this.#current.reopen();
      if (file === undefined) return;
      await this.#closeTail(file);
      await run();
    };
    await this.betweenCommits(() => this.#locked(underLock));
  }

  async #run(): Promise<void> {
    // A call's own turn ends first: calls made together are committed together, and a caller that blocks its event
    // loop right afterwards does so before the lock is taken, not while it is held.
    await undefined;
    while (this.#waiting.length > 0 || this.#between.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const next = this.#between.shift();
      try {
        await this.#commitAll(batch);
      } catch (error) {
        for (const commit of batch) commit.fail(storeError(error, this.#current.path));
      }
      await next?.();
    }
    this.#running = undefined;
  }

  async #commitAll(batch: readonly Commit[]): Promise<void> {
    let open = batch;
    /** When the file was last written before this, by the file system's clock. */
    let since = Number.POSITIVE_INFINITY;
    for (let round = 0; open.length > 0; round++) {
      if (this.#holder.broken) throw this.#holder.broken;
      if (round === MOST_ROUNDS) {
        throw new TsvqError(
          'WRITE_FAILED',
          `${this.#current.path} kept being replaced while the lock was held`,
        );
      }
      // When it starts over, it has to find out what is in already.
      const needs = round > 0 ? 'all' : mostOf(open);
      if (round > 0) this.#current.forget();
      // The bulk of the reading happens before the lock is taken.
      if (needs !== 'nothing' && this.#current.reopen()) await this.#current.readOn(needs);
      const { file, any, superseded } = await this.#appendAll(open, needs, round, since);
      since = Math.min(since, file.info.mtimeMs);
      try {
        if (any && this.#durability === 'sync') await this.#makeDurable(file, superseded);
      } finally {
        file.release();
      }
      // Acknowledged only now: nobody's code runs under the lock, and what it is told survives power loss.
      for (const commit of open) commit.settle();
      const left = open.filter((commit) => !commit.settled);
      if (left.length < open.length) round = 0;
      open = left;
    }
  }

  async #appendAll(open: readonly Commit[], needs: Needs, round: number, since: number): Promise<AppendedTo> {
    for (;;) {
      const appended =
        (needs === 'nothing' ? await this.#besideHolder(open) : undefined) ??
        (await this.#underLock(open, needs, round, since));
      if (appended !== undefined) return appended;
    }
  }

  /**
   * New jobs depend on nothing that stands in the file, so they need not wait for whoever decides something: their rows
   * are appended beside those of others. Only who rewrites the file has to be alone.
   *
   * @returns undefined where that can't be: there is no file yet, its last line is to be closed, somebody rewrites it
   */
  async #besideHolder(open: readonly Commit[]): Promise<AppendedTo | undefined> {
    const before = this.#openEnd();
    if (before === undefined) return undefined;
    const file = this.#current.file as OpenFile;
    // Looked at after the append: either whoever rewrites the file has read it, or it is seen here.
    const isValid = (): boolean => !this.#holder.lock.isRewriting && file.isCurrent();
    const closeTail = (): Promise<void> =>
      this.#locked(async () => {
        await this.#closeTail(file);
      });
    const { index } = this.#current;
    const context = { file, before, index, round: 0, archived: NONE, isValid, closeTail };
    return this.#current.relyingOn(() => this.#append(open, context));
  }

  /** Where the file ends, if anybody may append to it as it is. */
  #openEnd(): number | undefined {
    const file = this.#current.reopen();
    if (!file?.writable || !file.layout.current || this.#holder.lock.isRewriting) return undefined;
    return endOf(this.#fs, file);
  }

  /** @returns undefined if it has to be tried again: new jobs can go in beside the lock, or another file has the name */
  async #underLock(
    open: readonly Commit[],
    needs: Needs,
    round: number,
    since: number,
  ): Promise<AppendedTo | undefined> {
    const isNeeded = needs === 'nothing' ? () => this.#openEnd() === undefined : undefined;
    return this.#locked(async () => {
      // A look meanwhile may find another file under the name, and let go of this one.
      const file = (await this.#holder.writableFile()).retain();
      try {
        const end = await this.#closeTail(file);
        return await this.#current.relyingOn(() => this.#appendTo(file, end, open, needs, round, since));
      } finally {
        file.release();
      }
    }, isNeeded);
  }

  async #appendTo(
    file: OpenFile,
    end: number,
    open: readonly Commit[],
    needs: Needs,
    round: number,
    since: number,
  ): Promise<AppendedTo | undefined> {
    const index = needs === 'nothing' ? this.#current.index : await this.#current.readOn(needs);
    // Somebody may have opened another file meanwhile.
    if (index?.file !== file && (index !== undefined || needs !== 'nothing')) return undefined;
    // Where others append beside the lock, the file may have grown since.
    const before = needs === 'nothing' ? end : Math.max(end, index?.position ?? end);
    const archived = round === 0 ? NONE : await this.#archivedSince(since, open);
    const isValid = (): boolean => this.#holder.lock.stillHeld() && file.isCurrent();
    const closeTail = async (): Promise<void> => {
      await this.#closeTail(file);
    };
    return this.#append(open, { file, before, index, round, archived, isValid, closeTail });
  }

  /** A process that was suspended after its append may find its jobs run and gone when it goes on. */
  #archivedSince(since: number, open: readonly Commit[]): Promise<ReadonlySet<string>> {
    const ids = new Set(open.flatMap((commit) => commit.ids));
    return archivedSince(this.#fs, this.#current.realPath, ids, since);
  }

  async #append(open: readonly Commit[], context: Omit<CommitContext, 'fs' | 'now'>): Promise<AppendedTo> {
    const { file } = context;
    // Until it is synced; who called lets go of it.
    file.retain();
    try {
      return { ...(await Commit.write({ ...context, fs: this.#fs, now: this.#clock.now() }, open)), file };
    } catch (error) {
      file.release();
      throw error;
    }
  }

  /** Under the lock. */
  async #closeTail(file: OpenFile): Promise<number> {
    let end = endOf(this.#fs, file);
    if (end !== undefined) return end;
    // A row that somebody is just appending beside the lock may be seen by half. Closed too early, it leaves a line of
    // nothing but the closing behind it, which is no harm.
    await new Promise(setImmediate);
    end = closeTail(this.#fs, file);
    // Before anything follows: power loss could keep what does, and lose the LF between the two.
    if (this.#durability === 'sync') {
      await this.#fs.fdatasync(file.fd).catch((cause) => this.#holder.save(cause));
    }
    return end;
  }

  /** @returns undefined if the lock was no longer needed before it could be taken */
  async #locked<T>(run: () => Promise<T>, isNeeded?: () => boolean): Promise<T | undefined> {
    if (!(await this.#holder.enter(isNeeded))) return undefined;
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
   */
  async #makeDurable(file: OpenFile, superseded: Superseded[]): Promise<void> {
    try {
      // Never a second try: after a failed sync the kernel takes the lost pages for clean, and the next sync says that
      // all is well. It tells each descriptor that was open then, so others who appended learn of it by their own.
      await this.#fs.fdatasync(file.fd);
    } catch (cause) {
      await this.#save(cause);
      return;
    }
    // Only now: else power loss could take the new row and leave the old one struck. A strike that fails changes
    // nothing that anyone is told.
    await strike(this.#fs, file, superseded).catch(() => {});
  }

  /** Under the lock again. Where that can't be had, what is in the file may not be on the disk: nobody is told that it is. */
  async #save(cause: unknown): Promise<void> {
    try {
      await this.#locked(async () => {
        if (this.#current.reopen() === undefined) throw cause;
        await this.#holder.save(cause);
      });
    } catch {
      throw this.#holder.stop(cause);
    }
  }
}
