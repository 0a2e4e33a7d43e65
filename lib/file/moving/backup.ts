import { basename, dirname, join, resolve } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import { archiveFolder, filesOfMonth, stagedFiles } from '../compaction/archive.js';
import { type FileSystem, readFullyAsync, storeError } from '../disk/fs.js';
import { NewFile } from '../disk/new-file.js';
import { makeFolder } from '../disk/ownership.js';
import type { Store } from '../store.js';
import { whyTaken } from './taken.js';

/** Size of the pieces that are copied. */
const PIECE = 1024 * 1024;
/** How often the file is copied without the lock. Another compaction may replace it each time. */
const FREE_TRIES = 3;
/** The files next to a queue that belong to it, by their endings. */
const BESIDE = ['.paused', '.limits'];

export interface BackupOptions {
  /** True to replace an older backup. */
  readonly force?: boolean;
  /** True to copy the archive as well. */
  readonly archive?: boolean;
  /** Ends the backup, which then leaves nothing. */
  readonly signal?: AbortSignal;
}

/** What a backup consists of. */
export interface BackupSummary {
  /** The path of the copy. */
  readonly file: string;
  /** How many bytes the copy has. */
  readonly bytes: number;
  /** How many files of the archive were copied. */
  readonly archiveFiles: number;
}

/**
 * Copies the queue, as it was at one moment, while it is in use.
 *
 * The file is copied without the lock first, because it is only appended to. Then what was appended meanwhile is copied
 * under the lock, which takes milliseconds, so that the copy ends where a commit ends. A row may have been struck by
 * then that the copy has unstruck; its successor is in the copy too, and counts. If a compaction has replaced the file
 * meanwhile, all is copied again. The archive comes last, because jobs move there from the queue.
 *
 * @returns undefined if there is no queue file
 * @throws TsvqError `INVALID_ARGUMENT` for a place that is taken or is the queue's own, and those of a commit
 */
export async function backup(
  store: Store,
  path: string,
  { force = false, archive = false, signal }: BackupOptions = {},
): Promise<BackupSummary | undefined> {
  const target = resolve(path);
  const copies = new Copies(store, target, signal);
  copies.refuseAllTaken(force);
  try {
    if (!(await copies.copyQueue())) return undefined;
    if (archive) await copies.copyArchive(force);
    return await copies.finish();
  } finally {
    copies.discard();
  }
}

/** The files of one backup. */
class Copies {
  readonly #store: Store;
  readonly #fs: FileSystem;
  readonly #target: string;
  readonly #isCompressed: boolean;
  readonly #signal: AbortSignal | undefined;
  /** The path of the copy without `.gz`, after which the files next to it are named. */
  readonly #base: string;
  #queue: NewFile | undefined;
  readonly #others: NewFile[] = [];
  /** The files next to an older backup that belong to nothing in the new one. */
  #stale: string[] = [];
  #archiveFiles = 0;

  constructor(store: Store, target: string, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#signal = signal;
    this.#fs = store.fs;
    this.#target = target;
    this.#isCompressed = target.endsWith('.gz');
    this.#base = this.#isCompressed ? target.slice(0, -'.gz'.length) : target;
  }

  /** Refuses paths of the backup that are in use. @throws TsvqError `INVALID_ARGUMENT` */
  refuseAllTaken(force: boolean): void {
    for (const path of [this.#target, ...BESIDE.map((end) => this.#base + end)])
      this.#refuseTaken(path, force);
  }

  #refuseTaken(path: string, force: boolean): void {
    const refuse = (why: string): never => {
      throw new TsvqError('INVALID_ARGUMENT', `no backup was made: ${path} ${why}`);
    };
    if (this.#fs.realpath(dirname(path)) === undefined)
      refuse('is in a folder that does not exist; make it first');
    const taken = whyTaken(this.#store, path);
    if (taken !== undefined) refuse(taken);
    if (!force && this.#fs.stat(path) !== undefined)
      refuse('exists; name another file, or give --force to replace it');
  }

  /** Copies the queue file, and what belongs to it. @returns false if there is none */
  async copyQueue(): Promise<boolean> {
    for (let tries = 0; tries < FREE_TRIES; tries++) {
      const outcome = await this.#tryFree();
      if (outcome !== undefined) return outcome;
    }
    const isThere = await this.#exclusively(async () => {
      const file = this.#store.openFile();
      if (file === undefined) return false;
      await this.#copy(file.fd, this.#begin(), 0);
      await this.#copyBeside();
      return true;
    });
    return isThere === true;
  }

  /** Copies most of the file without the lock. @returns false if there is no file; undefined if it was replaced */
  async #tryFree(): Promise<boolean | undefined> {
    const store = this.#store;
    const file = store.openFile()?.retain();
    if (file === undefined) return false;
    try {
      const output = this.#begin();
      const position = await this.#copy(file.fd, output, 0);
      return await this.#exclusively(async () => {
        if (store.openFile() !== file) return undefined;
        await this.#copy(file.fd, output, position);
        await this.#copyBeside();
        return true;
      });
    } finally {
      file.release();
    }
  }

  /** Runs work under the lock. A signal also ends the wait for the lock, which may be long. */
  async #exclusively<T>(run: () => Promise<T>): Promise<T | undefined> {
    const signal = this.#signal;
    signal?.throwIfAborted();
    let giveUp = (): void => {};
    const stopped = new Promise<never>((_, reject) => {
      giveUp = () => reject(signal?.reason);
    });
    signal?.addEventListener('abort', giveUp);
    const work = this.#store.exclusively(async () => {
      signal?.removeEventListener('abort', giveUp);
      signal?.throwIfAborted();
      return run();
    });
    return Promise.race([work, stopped]);
  }

  #begin(): NewFile {
    this.#queue?.discard();
    this.#queue = this.#newFile(this.#target);
    return this.#queue;
  }

  #newFile(path: string): NewFile {
    const owner = this.#fs.stat(this.#store.realPath);
    return new NewFile(this.#fs, path, { owner, isCompressed: path.endsWith('.gz') });
  }

  /** Copies a file from a byte on until a read gives nothing. @returns where it ended */
  async #copy(fd: number, output: NewFile, from: number): Promise<number> {
    const bytes = Buffer.allocUnsafe(PIECE);
    for (let position = from; ; ) {
      this.#signal?.throwIfAborted();
      const length = await readFullyAsync(this.#fs, fd, bytes, position);
      if (length === 0) return position;
      await output.write(bytes.subarray(0, length));
      position += length;
    }
  }

  async #copyBeside(): Promise<void> {
    this.#stale = [];
    for (const end of BESIDE) {
      const copied = await this.#copyFile(this.#store.realPath + end, this.#base + end);
      if (!copied) this.#stale.push(this.#base + end);
    }
  }

  /** Copies a file that may be missing. @returns true if it was there */
  async #copyFile(from: string, to: string): Promise<boolean> {
    if (this.#fs.stat(from) === undefined) return false;
    let fd: number;
    try {
      fd = this.#fs.open(from, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw storeError(error, from);
    }
    try {
      const output = this.#newFile(to);
      this.#others.push(output);
      await this.#copy(fd, output, 0);
      return true;
    } finally {
      this.#fs.close(fd);
    }
  }

  /** Copies the archive, under names by which a queue at the backup's path finds it. */
  async copyArchive(force: boolean): Promise<void> {
    const { realPath } = this.#store;
    const prefix = (file: string): string => `${basename(file, '.tsv')}-`;
    const end = this.#isCompressed ? '.gz' : '';
    const copies = filesOfMonth(this.#fs, realPath, '').map((from) => {
      const name = prefix(this.#base) + basename(from).slice(prefix(realPath).length);
      return { from, to: join(archiveFolder(this.#base), name + end) };
    });
    // Rows that a crash has left on their way into the archive.
    for (const { path } of stagedFiles(this.#fs, realPath))
      copies.push({ from: path, to: this.#base + path.slice(realPath.length) + end });
    if (copies.length > 0) makeFolder(this.#fs, archiveFolder(this.#base), realPath);
    for (const { from, to } of copies) {
      this.#refuseTaken(to, force);
      if (await this.#copyFile(from, to)) this.#archiveFiles++;
    }
  }

  /** Gives all files their names, the queue's last. */
  async finish(): Promise<BackupSummary> {
    const queue = this.#queue as NewFile;
    for (const file of this.#others) await file.finish();
    for (const path of this.#stale) if (this.#fs.stat(path) !== undefined) this.#fs.unlink(path);
    await queue.finish();
    return { file: this.#target, bytes: queue.size, archiveFiles: this.#archiveFiles };
  }

  discard(): void {
    for (const file of [...this.#others, this.#queue]) file?.discard();
  }
}
