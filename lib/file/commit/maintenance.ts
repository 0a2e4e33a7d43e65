import { dirname } from 'node:path';
import type { Clock } from '../../job/clock.js';
import { TsvqError } from '../../job/errors.js';
import type { ResolvedQueueOptions } from '../../job/options.js';
import { type CompactionSummary, compact } from '../compaction/compact.js';
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

/** What a store is made of, as far as it is needed for changes. */
export interface Parts {
  readonly current: CurrentFile;
  readonly options: ResolvedQueueOptions;
  readonly environment: Environment;
  readonly lock: () => Lock;
}

/**
 * What only the lock's holder may do to the file as a whole: make it, give it new columns, rewrite it, repair what a
 * process left that died inside a commit.
 */
export class Maintenance {
  /** Set once the disk has failed and nothing can be built on it. Then the lock is kept. */
  broken: TsvqError | undefined;
  /** Whether {@link checkPlace} has looked at what the file is on. */
  isPlaceChecked = false;
  readonly #current: CurrentFile;
  readonly #options: ResolvedQueueOptions;
  readonly #fs: FileSystem;
  readonly #clock: Clock;
  readonly #lock: () => Lock;
  #isFitPlace = false;

  constructor({ current, options, environment, lock }: Parts) {
    this.#current = current;
    this.#options = options;
    this.#fs = environment.fs;
    this.#clock = environment.clock;
    this.#lock = lock;
  }

  /** Looks once, before the first write, at what the file is on. @throws TsvqError `FILE_SYSTEM` */
  checkPlace(): void {
    if (this.isPlaceChecked) return;
    if (!this.#options.anyFileSystem) assertPlace(this.#fs, this.#current.realPath);
    this.isPlaceChecked = true;
  }

  /** The file to append to: the one that the path names, made if it is missing, with all the columns. */
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
    // Before it has the name: until that is durable, no process may append to it.
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
   * Lets no byte be written into a file of a later version, nor where it can't be written safely.
   *
   * @throws TsvqError `NEWER_FORMAT`, `DETACHED`
   */
  refuseUnfit(file: OpenFile): void {
    const newer = newerThanThis(file);
    if (newer !== undefined) throw new TsvqError('NEWER_FORMAT', `nothing was written: ${newer}.`);
    // Mounts are looked at once by a process, and before each compaction.
    if (this.#isFitPlace && file.isNamed) return;
    refuseDetached(this.#fs, file);
    this.#isFitPlace = true;
  }

  /** Closes the last line, if it has no end. @returns where the file ends */
  async closeTail(file: OpenFile): Promise<number> {
    let end = endOf(this.#fs, file);
    if (end !== undefined) return end;
    // A row that another process is just appending without the lock may be seen by half. Closed too early, it leaves a
    // line of nothing but the closing after it, which is no harm.
    await new Promise(setImmediate);
    end = closeTail(this.#fs, file);
    // Before anything follows: power loss could keep what does, and lose the LF between the two.
    if (this.#options.durability === 'sync') {
      await this.#fs.fdatasync(file.fd).catch((cause) => this.save(cause));
    }
    return end;
  }

  /** Gives the file back to its owner, if it is root's by now; see there. Only by one who rewrites. */
  async reclaim(traces: Traces = {}): Promise<void> {
    await reclaim(this.#fs, this.#current, this.#lock(), traces).catch(this.#onNotDurable);
  }

  /** Rewrites the open file. */
  async compact(): Promise<CompactionSummary> {
    // Before the file is read: what others append from now on is theirs to look after.
    this.#lock().beginRewrite();
    const file = this.#current.file?.retain();
    const path = this.#current.realPath;
    // A look of this process may have found it gone meanwhile.
    if (file === undefined) {
      throw new TsvqError('WRITE_FAILED', `${path} vanished before it was rewritten`);
    }
    const fs = this.#fs;
    try {
      this.#isFitPlace = false;
      this.refuseUnfit(file);
      // Without a sync: all of the file is written again.
      closeTail(fs, file);
      // An index that reaches the end of the file saves reading it once more.
      const index = this.#current.index && (await this.#current.readOn('open'));
      const known = index?.file === file ? index : undefined;
      const context = {
        fs,
        path,
        lock: this.#lock(),
        retention: this.#options.retention,
        now: this.#clock.now(),
      };
      const summary = await compact(context, file, known).catch(this.#onNotDurable);
      this.#current.reopen();
      return summary;
    } finally {
      file.release();
    }
  }

  /**
   * Crosses out the superseded rows that the index has found uncrossed. Under the lock, so that no editor writes meanwhile.
   * What supersedes them may not be on the disk yet, so it is synced before.
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
   * After a sync that failed. It is never tried again: the kernel takes the lost pages for clean, and the next sync
   * would say that all is well. What still can be read is written into a new file.
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
   * A process died inside a commit. What it wrote may not be durable, nor a rename of its own, so the file is rewritten,
   * directory sync included, before anyone builds on it. If it has no row yet, the process may have died making it: then
   * the directories above it may be new, too.
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

  /** @returns false if there is no room for a new file: then at least what is there is durable, and the token stays */
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

  /** From here on the queue does nothing but report: on a failing disk it stops, it does not guess. */
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
