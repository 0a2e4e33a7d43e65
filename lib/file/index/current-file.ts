import { basename, dirname, join, resolve } from 'node:path';
import { type Home, refuseOtherHome } from '../disk/detached.js';
import type { FileSystem } from '../disk/fs.js';
import { OpenFile } from '../disk/open-file.js';
import { JobIndex } from './job-index.js';
import { ReadWriteLock } from './read-write-lock.js';
import { sealedPart } from './sealed.js';

/** The queue file that the path names now, and its index. */
export class CurrentFile {
  /** Listeners that get each new index before it is filled, because the old slots are no longer valid. */
  readonly onIndex: Set<(index: JobIndex) => void> = new Set();
  /** The path that the caller gave. */
  readonly path: string;
  /**
   * While a commit is under way, only the commit itself may read. Any other read waits for {@link ReadWriteLock.busy}
   * first.
   */
  readonly access: ReadWriteLock = new ReadWriteLock();
  readonly #fs: FileSystem;
  #realPath: string | undefined;
  #file: OpenFile | undefined;
  #home: Home | undefined;
  #index: JobIndex | undefined;

  constructor(path: string, fs: FileSystem) {
    this.path = path;
    this.#fs = fs;
  }

  /** The path with symlinks followed, because lock, temporary files and archive are beside the real file. */
  get realPath(): string {
    this.#realPath ??= this.#fs.realpath(this.path) ?? this.#followDangling();
    return this.#realPath;
  }

  /** The open file; undefined if it was missing at the last read. */
  get file(): OpenFile | undefined {
    return this.#file;
  }

  /** The open file's index, as far as it was read. */
  get index(): JobIndex | undefined {
    return this.#index?.file === this.#file ? this.#index : undefined;
  }

  /** Opens the file that the path names now, unless it is already open. */
  reopen(): OpenFile | undefined {
    if (this.#file?.isCurrent()) return this.#file;
    // The old file stayed open until isCurrent() compared the inodes; otherwise the new file could have got its number.
    const file = OpenFile.open(this.#fs, this.realPath);
    this.drop();
    this.#file = file;
    if (file !== undefined) this.#home = this.#fs.stat(dirname(this.realPath));
    return file;
  }

  /** Checks the folder before the file is made. @throws TsvqError `DETACHED` if the folder was taken away */
  refuseOtherHome(): void {
    refuseOtherHome(this.#fs, this.realPath, this.#home);
  }

  /** Closes the file, and forgets its index. */
  drop(): void {
    this.#file?.release();
    this.#file = undefined;
    this.#index = undefined;
  }

  /**
   * Reads the open file into the index, to its end.
   *
   * @param needs 'open': only the open part; 'all': the sealed part as well
   * @returns undefined if no file is open, or if the file or its index was dropped meanwhile
   */
  async readOn(needs: 'open' | 'all'): Promise<JobIndex | undefined> {
    // Even if a running read has seen the whole file, wait until it ends. Its last disk read could otherwise index rows
    // that this commit appends.
    while (this.access.reading) await this.access.reading;
    const file = this.#file;
    if (file === undefined) return undefined;
    const index = this.#usableIndex(file, needs);
    if (index.position !== file.size) await this.access.read(() => index.catchUp());
    index.isRead = true;
    return this.index === index ? index : undefined;
  }

  #usableIndex(file: OpenFile, needs: 'open' | 'all'): JobIndex {
    const { index } = this;
    // If an editor has written into the file, the index is no longer valid.
    const enough = index !== undefined && (needs === 'open' || index.from === file.start);
    if (enough && index.isIntact()) return index;
    const fresh = new JobIndex(file, needs === 'open' ? sealedPart(file) : undefined);
    this.#index = fresh;
    for (const listener of this.onIndex) listener(fresh);
    return fresh;
  }

  /** Returns where a symlink to a missing file leads. */
  #followDangling(): string {
    let path = this.path;
    for (let hops = 0; hops < 40; hops++) {
      const target = this.#fs.readlink(path);
      if (target === undefined) break;
      path = resolve(dirname(path), target);
    }
    const folder = this.#fs.realpath(dirname(path));
    return folder === undefined ? path : join(folder, basename(path));
  }
}
