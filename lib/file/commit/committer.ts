import { TsvqError } from '../../job/errors.js';
import type { OpenFile } from '../disk/open-file.js';
import { type Superseded, strike } from '../disk/strike.js';
import type { Reads } from './transaction.js';
import { type CommitParts, Try } from './try.js';
import { type Decide, mostOf, Update } from './update.js';

/** After so many commits other callbacks get their turn, because commits without a sync might never pause. */
const COMMITS_A_TURN = 16;

/** How often one commit is tried at most. After so many tries, bad luck isn't the reason. */
const MOST_TRIES = 20;

/** A queue of the commits of one kind, which run one after another. */
interface Lane {
  waiting: Update[];
  /** The calls that wait for their turn between two commits. */
  readonly between: (() => Promise<void>)[];
  running: Promise<void> | undefined;
  commits: number;
}

const newLane = (): Lane => ({ waiting: [], between: [], running: undefined, commits: 0 });

/**
 * Commits updates: appends rows, checks them, syncs, strikes the superseded rows, and tells the callers. Requests made
 * during a commit go into the next one, so that a thousand calls at once cost a write and a sync or two.
 *
 * New jobs have a lane of their own, because they don't need the lock. So they never wait for a change of the same
 * process that waits for another process's lock.
 */
export class Committer {
  readonly #parts: CommitParts;
  readonly #withoutLock = newLane();
  readonly #withLock = newLane();

  constructor(parts: CommitParts) {
    this.#parts = parts;
  }

  /** Commits the rows that `decide` asks for; see {@link Store.update}. */
  update<T>(reads: Reads, decide: Decide<T>): Promise<T> {
    const update = new Update(reads, decide);
    const lane = reads === 'nothing' ? this.#withoutLock : this.#withLock;
    lane.waiting.push(update as Update);
    lane.running ??= this.#run(lane);
    return update.done;
  }

  /**
   * Runs `run` between two commits: after the changes requested before, and before some of those requested later.
   * Otherwise a busy queue would never give it a turn. Meanwhile new jobs are appended, as those of other processes
   * are.
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

  /** Waits for all changes requested before, and then calls `run`. */
  async atTheEnd(run: () => void): Promise<void> {
    await this.#withoutLock.running;
    await this.betweenCommits(run);
  }

  async #run(lane: Lane): Promise<void> {
    // The caller's own turn ends first. So calls made together are committed together, and a caller that blocks its
    // event loop right afterwards does so before the lock is taken, not while it is held.
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
    let tries = 0;
    while (open.length > 0) {
      if (maintenance.broken) throw maintenance.broken;
      if (tries === MOST_TRIES) {
        throw new TsvqError('WRITE_FAILED', `${current.path} kept being replaced while the lock was held`);
      }
      // A further try has to find out which of its rows are in the file already.
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
      // Callers are told only now, so that their code never runs under the lock, and what they are told is durable.
      for (const update of open) update.settle();
      const left = open.filter(({ isDecided }) => !isDecided);
      tries = left.length < open.length ? 1 : tries + 1;
      // Those that only waited for others of this commit have no rows to look for.
      if (left.every(({ isUntried }) => isUntried)) {
        tries = 0;
        since = undefined;
      }
      open = left;
    }
  }

  /**
   * Syncs the appended rows, and then strikes the rows that they supersede. The lock was released before, so that the
   * disk takes the appends of several processes in one go. Another process may build on rows that no sync covers yet,
   * because its own sync covers them too. If another process rewrites the file meanwhile, both the old
   * file and the new one are on the disk.
   */
  async #makeDurable(file: OpenFile, superseded: Superseded[]): Promise<void> {
    const { fs } = this.#parts.environment;
    try {
      // There is no second try, because the kernel now takes the lost pages for clean, and the next sync would report
      // success. It reports the failure to each open descriptor, so other processes learn of it by their own.
      await fs.fdatasync(file.fd);
    } catch (cause) {
      await this.#save(cause);
      return;
    }
    // Strikes only after the sync, because otherwise power loss could take the new row and leave the old one struck. A
    // strike that fails changes nothing that a caller is told.
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
