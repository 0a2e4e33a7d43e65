import { TsvqError } from '../../job/errors.js';
import { type FileSystem, storeError } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import { type Superseded, strike } from '../disk/strike.js';
import type { CurrentFile } from '../index/current-file.js';
import type { Appender } from './appender.js';
import type { Maintenance } from './maintenance.js';
import { type Decide, mostOf, type Needs, Operation, type Outcome } from './operation.js';

/** After so many commits other callbacks get their turn: without syncs, one could follow another for ever. */
const COMMITS_A_TURN = 16;

/** After so many starts of one commit over again, something else than bad luck is at work. */
const MOST_ROUNDS = 20;

/**
 * Commits, one after another: append, look at what has become of it, sync, strike out what is superseded, tell. What
 * is asked for while a commit is under way goes into the next one, so that a thousand calls at once cost a
 * write and a sync or two.
 */
export class Committer {
  readonly #appender: Appender;
  readonly #current: CurrentFile;
  readonly #maintenance: Maintenance;
  readonly #fs: FileSystem;
  #waiting: Operation[] = [];
  /** What waits for its turn between two commits. */
  readonly #between: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #commits = 0;

  constructor(appender: Appender, current: CurrentFile, holder: Maintenance, fs: FileSystem) {
    this.#appender = appender;
    this.#current = current;
    this.#maintenance = holder;
    this.#fs = fs;
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
    const operation = new Operation(needs, decide);
    this.#waiting.push(operation);
    this.#running ??= this.#run();
    return operation.outcome;
  }

  /**
   * Runs something while nobody else appends to the file, if there is one, when the commits asked for before are done.
   * The file's last line is closed by then.
   */
  exclusively<T>(run: () => Promise<T>): Promise<T | undefined> {
    const underLock = async (): Promise<T | undefined> => {
      this.#maintenance.lock.beginRewrite();
      await this.#maintenance.reclaim();
      const file = this.#current.reopen();
      if (file === undefined) return undefined;
      this.#maintenance.refuseUnfit(file);
      await this.#appender.closeTail(file);
      return run();
    };
    return this.betweenCommits(() => this.#maintenance.locked(underLock));
  }

  async #run(): Promise<void> {
    // A call's own turn ends first: calls made together are committed together, and a caller that blocks its event
    // loop right afterwards does so before the lock is taken, not while it is held.
    await undefined;
    while (this.#waiting.length > 0 || this.#between.length > 0) {
      if (++this.#commits % COMMITS_A_TURN === 0) await new Promise(setImmediate);
      const operations = this.#waiting;
      this.#waiting = [];
      const next = this.#between.shift();
      try {
        await this.#commitAll(operations);
      } catch (error) {
        for (const operation of operations) operation.fail(storeError(error, this.#current.path));
      }
      await next?.();
    }
    this.#running = undefined;
  }

  async #commitAll(operations: readonly Operation[]): Promise<void> {
    let open = operations;
    /** When the file was last written before this, by the file system's clock. */
    let since = Number.POSITIVE_INFINITY;
    for (let number = 0; open.length > 0; number++) {
      if (this.#maintenance.broken) throw this.#maintenance.broken;
      if (number === MOST_ROUNDS) {
        throw new TsvqError(
          'WRITE_FAILED',
          `${this.#current.path} kept being replaced while the lock was held`,
        );
      }
      // When it starts over, it has to find out what is in already.
      const needs = number > 0 ? 'all' : mostOf(open);
      if (number > 0) this.#current.drop();
      // The bulk of the reading happens before the lock is taken.
      if (needs !== 'nothing') while (this.#current.reopen() && !(await this.#current.readOn(needs)));
      const { file, any, superseded } = await this.#appender.append({
        operations: open,
        needs,
        number,
        since,
      });
      since = Math.min(since, file.info.mtimeMs);
      try {
        if (any && this.#maintenance.options.durability === 'sync') await this.#makeDurable(file, superseded);
      } finally {
        file.release();
      }
      // Acknowledged only now: nobody's code runs under the lock, and what it is told survives power loss.
      for (const operation of open) operation.settle();
      const left = open.filter(({ settled }) => !settled);
      if (left.length < open.length) number = 0;
      open = left;
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
      await this.#maintenance.locked(async () => {
        if (this.#current.reopen() === undefined) throw cause;
        await this.#maintenance.save(cause);
      });
    } catch {
      throw this.#maintenance.stop(cause);
    }
  }
}
