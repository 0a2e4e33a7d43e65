import { TsvqError } from '../../job/errors.js';
import type { CompactionSummary } from '../compaction/compact.js';
import type { Extras } from '../compaction/extras.js';
import { isPastRetention, needsCompaction } from '../compaction/policy.js';
import type { Purge } from '../compaction/purge.js';
import { removeUnfinishedRewrites } from '../compaction/rewrite.js';
import { withStoreErrors } from '../disk/fs.js';
import { endOf } from '../disk/tail.js';
import type { JobIndex } from '../index/job-index.js';
import { isReleaseMissing } from '../joins/release.js';
import { Committer } from './committer.js';
import { LockTurns } from './lock-turns.js';
import { Maintenance, type Parts } from './maintenance.js';

/**
 * The changes of the queue file: commits, compaction, edits. This module is loaded with the first change, because a
 * tick that finds nothing to do needs none of it.
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

  /** The error of the disk failure that forbids all further writes; undefined if there was none. */
  get broken(): TsvqError | undefined {
    return this.#maintenance.broken;
  }

  /** Drops the index, between two commits. */
  async forget(): Promise<void> {
    await this.committer.betweenCommits(() => this.#parts.current.drop());
  }

  /** Waits for all requested changes, and releases the file and the lock. */
  async close(): Promise<void> {
    await this.committer.atTheEnd(() => {
      this.#parts.current.drop();
      this.#turns.tidy();
    });
  }

  /** Takes the lock from owners that may continue at any moment, whose writes fail. Then compacts. */
  async takeOver(tokens: readonly string[]): Promise<void> {
    const { current, environment, lock } = this.#parts;
    lock().evict(tokens);
    await this.exclusively(async () => {
      // Before the file is read, because an evicted owner may be about to give its own copy the name.
      removeUnfinishedRewrites(environment.fs, current.realPath);
      await this.#maintenance.reclaim({ tokens });
      if (current.reopen() !== undefined) await this.#maintenance.compact();
    });
    lock().clear(tokens);
  }

  /**
   * Repairs the file after a process died in the middle of a commit. If the last line was torn, rows that belong to one
   * before it may be missing; a compaction makes them.
   */
  async repair(): Promise<void> {
    await this.exclusively(async (wasTorn) => {
      if (wasTorn) await this.#maintenance.compact();
    });
  }

  /** Compacts now. @param purge the jobs to take out of the file @returns undefined if there is no file */
  async compact(purge?: Purge, extras?: Extras): Promise<CompactionSummary | undefined> {
    return this.exclusively(async () => {
      const summary = await this.#maintenance.compact(purge, extras);
      if (purge !== undefined) await this.#releaseChildren(purge);
      return summary;
    });
  }

  /** Releases the jobs that waited for purged ones. If that fails, a later compaction does it. */
  async #releaseChildren(purge: Purge): Promise<void> {
    try {
      const index = await this.#parts.current.readOn('open');
      if (index === undefined || !isReleaseMissing(index)) return;
      await this.#maintenance.compact({ ...purge, statuses: [] });
    } catch {
      // The jobs are purged.
    }
  }

  /**
   * Lets `run` write the file, under the lock, and then rewrites it. Other processes notice the edit by the new inode;
   * after an edit in place they would keep what they read before. The file is rewritten before `run` as well. Then the
   * old file, which no editor writes, takes the strikes of other processes and their checks after an append.
   *
   * @throws TsvqError `NOT_A_QUEUE` if the edited file isn't a queue, `WRITE_FAILED` if a file replaced a link. The
   *   file then stays as it is
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
        // An editor that root ran leaves a file that root owns.
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
      // Reads the sealed part too, because a person may have put back an old row of a finished job, from a backup say.
      await current.readOn('all');
      return this.#maintenance.compact();
    });
    if (summary === undefined) throw new TsvqError('NOT_A_QUEUE', `${path} is missing or empty`);
    return summary;
  }

  /** Compacts if {@link needsCompaction}, or a job waits without need; otherwise strikes the superseded rows that a killed process left unstruck. */
  async compactIfWorthwhile(includesSmall: boolean): Promise<void> {
    const { current, environment, options } = this.#parts;
    const { index } = current;
    if (index === undefined) return;
    const past = isPastRetention(index, { ...options, now: environment.clock.now() });
    if (past || needsCompaction(index, includesSmall) || isReleaseMissing(index)) await this.compact();
    else await this.crossOut(index);
  }

  /** Strikes the superseded rows that a killed process left unstruck, as far as the index knows them. */
  async crossOut(index: JobIndex): Promise<void> {
    if (index.uncrossed.length === 0 || this.#parts.options.durability === 'os') return;
    await withStoreErrors(this.#parts.current.path, () =>
      this.committer.betweenCommits(() => this.#turns.take(() => this.#maintenance.crossOut(index))),
    );
  }

  /**
   * Runs `run` while no other process appends to the file, after the commits requested before. By then a torn last
   * line has its end. If there is no file, `run` isn't called.
   *
   * @param run is told whether the last line was torn
   */
  async exclusively<T>(run: (wasTorn: boolean) => Promise<T>): Promise<T | undefined> {
    const { current, environment, lock } = this.#parts;
    let wasTorn = false;
    const underLock = async (): Promise<T | undefined> => {
      lock().beginRewrite();
      await this.#maintenance.reclaim();
      // Retained, because a look of this process may open the file again while this waits.
      const file = current.reopen()?.retain();
      if (file === undefined) return undefined;
      try {
        this.#maintenance.refuseUnfit(file);
        wasTorn = endOf(environment.fs, file) === undefined;
        await this.#maintenance.closeTail(file);
      } finally {
        file.release();
      }
      return run(wasTorn);
    };
    return withStoreErrors(current.path, () =>
      this.committer.betweenCommits(() => this.#turns.take(underLock)),
    );
  }
}
