import { dirname } from 'node:path';
import type { Clock } from '../../job/clock.js';
import { TsvqError } from '../../job/errors.js';
import type { Listeners } from '../../job/listeners.js';
import type { ResolvedQueueOptions } from '../../job/queue-options.js';
import { type CompactionSummary, compact } from '../compaction/compact.js';
import type { Extras } from '../compaction/extras.js';
import type { Purge } from '../compaction/purge.js';
import {
  createQueueFile,
  NotDurable,
  removeUnfinishedRewrites,
  syncFoldersAbove,
} from '../compaction/rewrite.js';
import { refuseDetached } from '../disk/detached.js';
import { type FileSystem, storeError, syncFolder } from '../disk/fs.js';
import { newerThanThis } from '../disk/newer-format.js';
import type { OpenFile } from '../disk/open-file.js';
import { assertPlace } from '../disk/place.js';
import { strike } from '../disk/strike.js';
import { closeTail, endOf } from '../disk/tail.js';
import { newLayout } from '../format/layout.js';
import type { CurrentFile } from '../index/current-file.js';
import type { JobIndex } from '../index/job-index.js';
import type { Environment } from '../lock/environment.js';
import type { Lock } from '../lock/lock.js';
import { reclaim, type Traces } from './reclaim.js';

/** The parts of a store that changes need. */
export interface Parts {
  readonly current: CurrentFile;
  readonly options: ResolvedQueueOptions;
  readonly environment: Environment;
  readonly lock: () => Lock;
  readonly listeners: Listeners;
}

/**
 * The operations on the whole file that need the lock: make it, give it new columns, rewrite it, and repair it after a
 * process died inside a commit.
 */
export class Maintenance {
  /** The error after a disk failure that allows no further writes. The process then keeps the lock. */
  broken: TsvqError | undefined;
  /** True once {@link checkPlace} has accepted the file system. */
  isPlaceChecked = false;
  readonly #current: CurrentFile;
  readonly #options: ResolvedQueueOptions;
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #lock: () => Lock;
  readonly #listeners: Listeners;
  #isFitPlace = false;

  constructor({ current, options, environment, lock, listeners }: Parts) {
    this.#listeners = listeners;
    this.#current = current;
    this.#options = options;
    this.#fs = environment.fs;
    this.#clock = environment.clock;
    this.#lock = lock;
  }

  /** Checks the file system once, before the first write. @throws TsvqError `FILE_SYSTEM` */
  checkPlace(): void {
    if (this.isPlaceChecked) return;
    if (!this.#options.anyFileSystem) assertPlace(this.#fs, this.#current.realPath);
    this.isPlaceChecked = true;
  }

  /** Returns the file that the path names, with all columns. Makes it if it is missing. */
  async writableFile(): Promise<OpenFile> {
    let file = this.#current.reopen();
    if (file?.writable === false) {
      this.#lock().beginRewrite();
      await this.reclaim();
      file = this.#current.reopen();
    }
    if (file?.writable === false) {
      throw new TsvqError('NO_ACCESS', `no permission to write ${file.path}; see its owner and mode`);
    }
    if (file === undefined) this.#current.refuseOtherHome();
    else this.refuseUnfit(file);
    if (file?.isUpToDate) return file;
    // Before the new file has the name, because no process may append to it until the name is durable.
    this.#lock().beginRewrite();
    if (file !== undefined) await this.compact();
    else
      await createQueueFile(this.#fs, this.#lock(), this.#current.realPath, newLayout()).catch(
        this.#onNotDurable,
      );
    const made = this.#current.reopen();
    if (made !== undefined) return made;
    throw new TsvqError('WRITE_FAILED', `${this.#current.realPath} vanished while it was made`);
  }

  /**
   * Refuses a file of a later format, and a file that other processes can't see.
   *
   * @throws TsvqError `NEWER_FORMAT`, `DETACHED`
   */
  refuseUnfit(file: OpenFile): void {
    const newer = newerThanThis(file);
    if (newer !== undefined) throw new TsvqError('NEWER_FORMAT', `nothing was written: ${newer}.`);
    // A process looks at mounts once, and before each compaction.
    if (this.#isFitPlace && file.isNamed) return;
    refuseDetached(this.#fs, file);
    this.#isFitPlace = true;
  }

  /** Ends a torn last line. @returns where the file ends */
  async closeTail(file: OpenFile): Promise<number> {
    let end = endOf(this.#fs, file);
    if (end !== undefined) return end;
    // Another process may be appending this row without the lock. Ending its line too early does no harm: a line with
    // nothing but that ending follows.
    await new Promise(setImmediate);
    end = closeTail(this.#fs, file);
    // Syncs before another row follows, because power loss could keep that row and lose the LF between the two.
    if (this.#options.durability === 'sync') {
      await this.#fs.fdatasync(file.fd).catch((cause) => this.save(cause));
    }
    return end;
  }

  /** Gives a file that root owns by now back to its owner; see {@link reclaim}. Call it only during a rewrite. */
  async reclaim(traces: Traces = {}): Promise<void> {
    await reclaim(this.#fs, this.#current, this.#lock(), traces).catch(this.#onNotDurable);
  }

  /** Rewrites the open file. @param purge the jobs to take out of it */
  async compact(purge?: Purge, extras?: Extras): Promise<CompactionSummary> {
    // Before the file is read, because a process that appends from now on sees the notice and appends again.
    this.#lock().beginRewrite();
    const file = this.#current.file?.retain();
    const path = this.#current.realPath;
    // Another read of this process may have found the file gone meanwhile.
    if (file === undefined) {
      throw new TsvqError('WRITE_FAILED', `${path} vanished before it was rewritten`);
    }
    const fs = this.#fs;
    try {
      this.#isFitPlace = false;
      this.refuseUnfit(file);
      // Needs no sync, because the whole file is written again.
      closeTail(fs, file);
      // With an index that reaches the end of the file, the compaction needn't read the file again.
      const index = this.#current.index && (await this.#current.readOn('open'));
      const known = index?.file === file ? index : undefined;
      const options = this.#options;
      const now = this.#clock.now();
      const context = { fs, path, lock: this.#lock(), options, purge, now, ...(extras && { extras }) };
      const summary = await compact(context, file, known).catch(this.#onNotDurable);
      this.#current.reopen();
      const jobs = summary.archived + summary.dropped;
      if (jobs > 0) this.#listeners.tell({ event: 'archived', time: new Date(now), jobs });
      return summary;
    } finally {
      file.release();
    }
  }

  /**
   * Strikes the superseded rows that the index found unstruck. Call it under the lock, so that no editor writes
   * meanwhile. It syncs first, because the rows that supersede them may not be on the disk yet.
   */
  async crossOut(index: JobIndex): Promise<void> {
    const { file, uncrossed } = index;
    index.uncrossed = [];
    if (this.#current.reopen() !== file || !file.writable) return;
    this.refuseUnfit(file);
    try {
      await this.#fs.fdatasync(file.fd);
    } catch (cause) {
      return this.save(cause);
    }
    await strike(this.#fs, file, uncrossed);
  }

  /**
   * Writes what can still be read into a new file, after a failed sync. The sync isn't tried again, because the kernel
   * takes the lost pages for clean, and the next sync would report success.
   *
   * @throws TsvqError `SYNC_FAILED` if that fails too
   */
  async save(cause: unknown): Promise<void> {
    try {
      await this.compact();
    } catch {
      throw this.stop(cause);
    }
  }

  /**
   * Repairs the file after a process died inside a commit. Its rows or its rename may not be durable, so the file is
   * rewritten, directory sync included, before another process builds on it. If the file has no row yet, the process
   * may have died making it. Then the directories above may be new, too.
   */
  async repair(dead: readonly string[]): Promise<void> {
    this.#lock().beginRewrite();
    removeUnfinishedRewrites(this.#fs, this.#current.realPath);
    await this.reclaim({ tokens: dead });
    const file = this.#current.reopen()?.retain();
    try {
      if (file === undefined || (await this.#makeSure(file))) this.#lock().clear(dead);
    } finally {
      file?.release();
    }
  }

  /** Makes the file durable. @returns false if there was no room to rewrite it; the dead process's token then stays */
  async #makeSure(file: OpenFile): Promise<boolean> {
    if (file.size === file.start) await syncFoldersAbove(this.#fs, this.#current.realPath);
    try {
      await this.compact();
      return true;
    } catch (error) {
      if (this.broken) throw error;
      try {
        await this.#fs.fdatasync(file.fd);
        await syncFolder(this.#fs, dirname(this.#current.realPath));
        return false;
      } catch (cause) {
        throw this.stop(cause);
      }
    }
  }

  readonly #onNotDurable = (error: unknown): never => {
    throw error instanceof NotDurable ? this.stop(error.cause) : error;
  };

  /** Lets every further call fail with the returned error, because on a failing disk the queue must not guess. */
  stop(cause: unknown): TsvqError {
    if (this.broken) return this.broken;
    const path = this.#current.realPath;
    this.broken = new TsvqError(
      'SYNC_FAILED',
      `the disk under ${path} failed a sync (${(storeError(cause, path) as Error).message}): ` +
        'whether the last changes are kept is unknown. ' +
        'The queue stays locked until this process ends; check the disk first.',
      { cause },
    );
    return this.broken;
  }
}
