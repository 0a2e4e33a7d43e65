import { basename, dirname, join, resolve } from 'node:path';
import { type Home, refuseOtherHome } from '../disk/detached.js';
import type { FileSystem } from '../disk/fs.js';
import { OpenFile } from '../disk/open-file.js';
import { JobIndex } from './job-index.js';
import { sealedPart } from './sealed.js';

/** The queue file as its path names it at the moment, and what is known of it. */
export class CurrentFile {
  /** Called with each new index, before it is filled: the old one's slots mean nothing any more. */
  readonly onIndex: Set<(index: JobIndex) => void> = new Set();
  /** As it was given. */
  readonly path: string;
  readonly #fs: FileSystem;
  #realPath: string | undefined;
  #file: OpenFile | undefined;
  #home: Home | undefined;
  #index: JobIndex | undefined;
  #scan: Promise<void> | undefined;
  #reserved: Promise<void> | undefined;

  constructor(path: string, fs: FileSystem) {
    this.path = path;
    this.#fs = fs;
  }

  /** The path with symlinks followed: the lock, temporary files and the archive stand beside the real file. */
  get realPath(): string {
    this.#realPath ??= this.#fs.realpath(this.path) ?? this.#followDangling();
    return this.#realPath;
  }

  /** Open, or undefined if it was not there at the last look. */
  get file(): OpenFile | undefined {
    return this.#file;
  }

  /** Of the open file, as far as it was read. */
  get index(): JobIndex | undefined {
    return this.#index?.file === this.#file ? this.#index : undefined;
  }

  /** Opens the file that the path names now, if it isn't open already. */
  reopen(): OpenFile | undefined {
    if (this.#file?.isCurrent()) return this.#file;
    // Only then is the old one closed: until compared, its inode number must not be used again.
    const file = OpenFile.open(this.#fs, this.realPath);
    this.drop();
    this.#file = file;
    if (file !== undefined) this.#home = this.#fs.stat(dirname(this.realPath));
    return file;
  }

  /** Before the file is made. @throws TsvqError `DETACHED` if its folder was taken away */
  refuseOtherHome(): void {
    refuseOtherHome(this.#fs, this.realPath, this.#home);
  }

  /** Closes it, and forgets what is known of it. */
  drop(): void {
    this.#file?.release();
    this.#file = undefined;
    this.#index = undefined;
  }

  /** Looks wait for it before they read: a scan that is under way, or a commit that relies on what is known of the file. */
  get busy(): Promise<void> | undefined {
    return this.#reserved ?? this.#scan;
  }

  /**
   * For a commit, from what it reads to the check of its append: one at a time, and no look begins meanwhile. It would
   * take rows into the index that the commit believes to come after it, or rows of its append that are not decided yet.
   *
   * @returns the end of it
   */
  async reserve(): Promise<() => void> {
    while (this.#reserved !== undefined) await this.#reserved;
    let over = (): void => {};
    this.#reserved = new Promise<void>((resolve) => {
      over = resolve;
    });
    return () => {
      this.#reserved = undefined;
      over();
    };
  }

  /**
   * Makes the index know the open file to its end.
   *
   * @param needs 'open': enough to learn what is to do; 'all': the finished jobs as well
   * @returns undefined if no file is open, or if it was let go of, or what is known of it, by the end
   */
  async readOn(needs: 'open' | 'all'): Promise<JobIndex | undefined> {
    // One scan at a time. It is waited for even where it has seen all there is: its last read may come late, and
    // must not find what a commit appends meanwhile.
    while (this.#scan !== undefined) await this.#scan;
    const file = this.#file;
    if (file === undefined) return undefined;
    const index = this.#usableIndex(file, needs);
    if (index.position !== file.size) {
      const scan = index.catchUp().finally(() => {
        this.#scan = undefined;
      });
      this.#scan = scan.catch(() => {});
      await scan;
    }
    index.isRead = true;
    return this.index === index ? index : undefined;
  }

  #usableIndex(file: OpenFile, needs: 'open' | 'all'): JobIndex {
    const { index } = this;
    // Where an editor has written into the file, what was read of it means nothing any more.
    const enough = index !== undefined && (needs === 'open' || index.from === file.start);
    if (enough && index.isIntact()) return index;
    const fresh = new JobIndex(file, needs === 'open' ? sealedPart(file) : undefined);
    this.#index = fresh;
    for (const listener of this.onIndex) listener(fresh);
    return fresh;
  }

  /** Where a symlink to nothing yet leads. */
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
