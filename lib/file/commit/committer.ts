import { TsvqError } from '../../job/errors.js';
import type { OpenFile } from '../disk/open-file.js';
import { type Superseded, strike } from '../disk/strike.js';
import type { Reads } from './transaction.js';
import { type CommitParts, Try } from './try.js';
import { type Decide, mostOf, Update } from './update.js';

/** After so many commits other callbacks get their turn: without syncs, one could follow another for ever. */
const COMMITS_A_TURN = 16;

/** After so many tries of one commit, something else than bad luck is at work. */
const MOST_TRIES = 20;

/** Commits of one kind, one after another. */
interface Lane {
  waiting: Update[];
  /** What waits for its turn between two commits. */
  readonly between: (() => Promise<void>)[];
  running: Promise<void> | undefined;
  commits: number;
}

const newLane = (): Lane => ({ waiting: [], between: [], running: undefined, commits: 0 });

/**
 * Commits updates: appends, looks at what has become of it, syncs, strikes out what is superseded, tells. What is asked
 * for while a commit is under way goes into the next one, so that a thousand calls at once cost a write and a sync or
 * two.
 *
 * New jobs have a lane of their own, because they need no lock: they never wait for a change of the same process that
 * waits for the lock of another.
 */
export class Committer {
  readonly #parts: CommitParts;
  readonly #withoutLock = newLane();
  readonly #withLock = newLane();

  constructor(parts: CommitParts) {
    this.#parts = parts;
  }

  /** Commits what `decide` asks for, as {@link Store.update}. */
  update<T>(reads: Reads, decide: Decide<T>): Promise<T> {
    const update = new Update(reads, decide);
    const lane = reads === 'nothing' ? this.#withoutLock : this.#withLock;
    lane.waiting.push(update as Update);
    lane.running ??= this.#run(lane);
    return update.done;
  }

  /**
   * Does something when no change is being committed, and before any other can begin: after those that were asked for
   * before, but not after all that come meanwhile, or it would never have its turn where many do. New jobs go on being
   * appended, as those of other processes do.
   */
  betweenCommits<T>(run: () => T): Promise<Awaited<T>> {
    const lane = this.#withLock;
    const before = this.#withoutLock.waiting.map(({ done }) => done.catch(() => {}));
    return new Promise((resolve, reject) => {
      lane.between.push(async () => {
        try {
          await Promise.all(before);
          resolve(await run());
        } catch (error) {
          reject(error);
        }
      });
      lane.running ??= this.#run(lane);
    });
  }

  /** Waits for all that was asked for before, and does something then. */
  async atTheEnd(run: () => void): Promise<void> {
    await this.#withoutLock.running;
    await this.betweenCommits(run);
  }

  async #run(lane: Lane): Promise<void> {
    // A call's own turn ends first: calls made together are committed together, and a caller that blocks its event
    // loop right afterwards does so before the lock is taken, not while it is held.
    await undefined;
    while (lane.waiting.length > 0 || lane.between.length > 0) {
      if (++lane.commits % COMMITS_A_TURN === 0) await new Promise(setImmediate);
      const updates = lane.waiting;
      lane.waiting = [];
      const next = lane.between.shift();
      try {
        await this.#commitAll(updates);
      } catch (error) {
        for (const update of updates) update.fail(error, this.#parts.current.path);
      }
      await next?.();
    }
    lane.running = undefined;
  }

  async #commitAll(updates: readonly Update[]): Promise<void> {
    const { current, maintenance, options } = this.#parts;
    let open = updates;
    let since: number | undefined;
    for (let tries = 0; open.length > 0; tries++) {
      if (maintenance.broken) throw maintenance.broken;
      if (tries === MOST_TRIES) {
        throw new TsvqError('WRITE_FAILED', `${current.path} kept being replaced while the lock was held`);
      }
      // When it starts over, it has to find out what is in the file already.
      const reads = tries > 0 ? 'all' : mostOf(open);
      if (tries > 0) current.drop();
      // The bulk of the reading happens before the lock is taken.
      if (reads !== 'nothing') while (current.reopen() && !(await current.readOn(reads)));
      const { file, needsSync, superseded } = await new Try(this.#parts, open, reads, since).append();
      since = Math.min(since ?? Number.POSITIVE_INFINITY, file.info.mtimeMs);
      try {
        if (needsSync && options.durability === 'sync') await this.#makeDurable(file, superseded);
      } finally {
        file.release();
      }
      // Acknowledged only now: no code of a caller runs under the lock, and what it is told survives power loss.
      for (const update of open) update.settle();
      const left = open.filter(({ isDecided }) => !isDecided);
      if (left.length < open.length) tries = 0;
      open = left;
    }
  }

  /**
   * Syncs what was appended, and then strikes out what that supersedes. The lock was let go before: others may append
   * and sync meanwhile, and the disk takes all of it in one go. What they build on rows of ours that no sync has
   * covered yet, their own sync covers as well; and of a file that another process has rewritten meanwhile, the old and
   * the new one are on the disk.
   */
  async #makeDurable(file: OpenFile, superseded: Superseded[]): Promise<void> {
    const { fs } = this.#parts.environment;
    try {
      // Never a second try: after a failed sync the kernel takes the lost pages for clean, and the next sync says that
      // all is well. It tells each descriptor that was open then, so others who appended learn of it by their own.
      await fs.fdatasync(file.fd);
    } catch (cause) {
      await this.#save(cause);
      return;
    }
    // Only now: otherwise power loss could take the new row and leave the old one struck. A strike that fails changes
    // nothing that anyone is told.
    await strike(fs, file, superseded).catch(() => {});
  }

  /** Saves the file under the lock again. If that fails, the rows may not be on disk, so the commit fails. */
  async #save(cause: unknown): Promise<void> {
    const { current, maintenance, turns } = this.#parts;
    try {
      await turns.take(async () => {
        if (current.reopen() === undefined) throw cause;
        await maintenance.save(cause);
      });
    } catch {
      throw maintenance.stop(cause);
    }
  }
}
