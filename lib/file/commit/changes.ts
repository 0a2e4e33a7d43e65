import { TsvqError } from '../../job/errors.js';
import type { CompactionSummary } from '../compaction/compact.js';
import { isPastRetention, needsCompaction } from '../compaction/policy.js';
import { removeUnfinishedRewrites } from '../compaction/rewrite.js';
import { withStoreErrors } from '../disk/fs.js';
import type { JobIndex } from '../index/job-index.js';
import { Committer } from './committer.js';
import { LockTurns } from './lock-turns.js';
import { Maintenance, type Parts } from './maintenance.js';

/**
 * All that writes the queue file: commits, compaction, edits. Loaded with the first change, because a tick that finds
 * nothing to do needs none of it.
 */
export class Changes {
  readonly #parts: Parts;
  readonly #maintenance: Maintenance;
  readonly #turns: LockTurns;
  readonly committer: Committer;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#maintenance = new Maintenance(parts);
    this.#turns = new LockTurns(parts, this.#maintenance);
    this.committer = new Committer({ ...parts, maintenance: this.#maintenance, turns: this.#turns });
  }

  /** Why nothing can be written any more: the disk has failed. */
  get broken(): TsvqError | undefined {
    return this.#maintenance.broken;
  }

  /** Drops what is known of the file, between two commits. */
  async forget(): Promise<void> {
    await this.committer.betweenCommits(() => this.#parts.current.drop());
  }

  /** Waits for all that was asked for, and lets go of the file and the lock. */
  async close(): Promise<void> {
    await this.committer.atTheEnd(() => {
      this.#parts.current.drop();
      this.#turns.tidy();
    });
  }

  /** Takes the lock from owners who may go on any moment: what they were writing fails. Then compacts. */
  async takeOver(tokens: readonly string[]): Promise<void> {
    const { current, environment, lock } = this.#parts;
    lock().evict(tokens);
    await this.exclusively(async () => {
      // Before the file is read: one of them may be about to give its own copy the name.
      removeUnfinishedRewrites(environment.fs, current.realPath);
      await this.#maintenance.reclaim({ tokens });
      if (current.reopen() !== undefined) await this.#maintenance.compact();
    });
    lock().clear(tokens);
  }

  /** Compacts now. @returns undefined if there is no file */
  async compact(): Promise<CompactionSummary | undefined> {
    return this.exclusively(() => this.#maintenance.compact());
  }

  /**
   * Lets something else write the file, under the lock, and then rewrites it: that others have this file open they know
   * by its inode, and an edit in place would leave them with what they read before. Rewritten before as well: what they
   * still have to strike out, or to look at after an append, is in a file that no editor writes.
   *
   * @throws TsvqError `NOT_A_QUEUE` if what is left is no queue, `WRITE_FAILED` if a link was replaced by a file; it then
   *   stays as it is
   */
  async edit(run: () => Promise<void>): Promise<CompactionSummary> {
    const { current, environment } = this.#parts;
    const { fs } = environment;
    const { path } = current;
    const summary = await this.exclusively(async () => {
      await this.#maintenance.compact();
      const before = fs.stat(current.realPath);
      try {
        await run();
      } finally {
        // Root's editors leave a file of root's.
        await this.#maintenance.reclaim({ before });
      }
      const now = fs.realpath(path) ?? current.realPath;
      if (now !== current.realPath) {
        throw new TsvqError(
          'WRITE_FAILED',
          `${path} led to ${current.realPath}, and leads to ${now} now: what was written is not in the queue that others have open. ` +
            `Put it in the place of ${current.realPath}, and make the link again`,
        );
      }
      current.drop();
      if (current.reopen() === undefined) return undefined;
      // All of it: an old row of a finished job that a hand has put back, from a backup say, is not the newest.
      await current.readOn('all');
      return this.#maintenance.compact();
    });
    if (summary === undefined) throw new TsvqError('NOT_A_QUEUE', `${path} is missing or empty`);
    return summary;
  }

  /** Compacts if it is worth it, see there; otherwise crosses out what a killed process has left uncrossed. */
  async compactIfWorthwhile(includesSmall: boolean): Promise<void> {
    const { current, environment, options } = this.#parts;
    const { index } = current;
    if (index === undefined) return;
    const past = isPastRetention(index, environment.clock.now(), options.retention);
    if (past || needsCompaction(index, includesSmall)) await this.compact();
    else await this.crossOut(index);
  }

  /** Crosses out superseded rows that a killed process has left uncrossed, as far as they are known. */
  async crossOut(index: JobIndex): Promise<void> {
    if (index.uncrossed.length === 0 || this.#parts.options.durability === 'os') return;
    await withStoreErrors(this.#parts.current.path, () =>
      this.committer.betweenCommits(() => this.#turns.take(() => this.#maintenance.crossOut(index))),
    );
  }

  /**
   * Runs something while no other process appends to the file, if there is one, when the commits asked for before are
   * done. The file's last line is closed by then.
   */
  async exclusively<T>(run: () => Promise<T>): Promise<T | undefined> {
    const { current, lock } = this.#parts;
    const underLock = async (): Promise<T | undefined> => {
      lock().beginRewrite();
      await this.#maintenance.reclaim();
      const file = current.reopen();
      if (file === undefined) return undefined;
      this.#maintenance.refuseUnfit(file);
      await this.#maintenance.closeTail(file);
      return run();
    };
    return withStoreErrors(current.path, () =>
      this.committer.betweenCommits(() => this.#turns.take(underLock)),
    );
  }
}
