import { TsvqError } from '../../job/errors.js';
import { type FileSystem, removeIfThere, storeError } from '../disk/fs.js';
import { type LockFiles, removeEmpty } from '../disk/ownership.js';

/**
 * The rewrite notice: the lock's holder says that it will replace the queue file. It is a directory in the
 * lock's, with a token named like the lock's. While it exists, no process appends without the lock.
 *
 * It has a token because a holder may be suspended and passed over. Later it removes its own notice, and must
 * not remove another process's.
 */
export class RewriteNotice {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #files: LockFiles;
  #token: string | undefined;

  /** @param lock the lock's directory */
  constructor(fs: FileSystem, lock: string, files: LockFiles) {
    this.#fs = fs;
    this.#files = files;
    this.#path = `${lock}/rewriting`;
  }

  /** True if a process rewrites the file, or died in the middle of it. */
  get isActive(): boolean {
    try {
      return this.#fs.stat(this.#path) !== undefined;
    } catch (error) {
      // The lock's folder is closed. The process that takes the lock deals with that.
      if ((error as NodeJS.ErrnoException).code === 'EACCES') return true;
      throw error;
    }
  }

  /** Makes the notice. Call it only under the lock. @param name the name of the token */
  begin(name: string): void {
    if (this.#token !== undefined) return;
    const token = `${this.#path}/${name}`;
    for (;;) {
      if (!this.isActive) this.#makeDirectory();
      try {
        this.#files.makeToken(token);
        this.#token = token;
        return;
      } catch (error) {
        // Another holder, which was passed over, has removed the directory meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeError(error, this.#path);
      }
    }
  }

  #makeDirectory(): void {
    try {
      this.#files.makeFolder(this.#path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another process, which took the lock over, made it. Rows that this process appends won't count.
      if (code === 'EEXIST') return;
      if (code !== 'ENOENT') throw storeError(error, this.#path);
      // The lock's directory is gone, and this process's token too.
      throw new TsvqError(
        'WRITE_FAILED',
        `the lock was taken over while ${this.#path} was made; nothing was written`,
      );
    }
  }

  end(): void {
    if (this.#token === undefined) return;
    removeIfThere(this.#fs, this.#token);
    this.#token = undefined;
    removeEmpty(this.#fs, this.#path);
  }

  /** Lists the tokens in the notice. */
  tokens(): string[] {
    if (!this.isActive) return [];
    try {
      const tokens = this.#fs.readdir(this.#path);
      if (tokens.length === 0) removeEmpty(this.#fs, this.#path);
      return tokens;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return [];
      // Root was killed before it could give the folder away.
      if (code === 'EACCES' && removeEmpty(this.#fs, this.#path)) return [];
      throw storeError(error, this.#path);
    }
  }

  clear(tokens: readonly string[]): void {
    for (const token of tokens) removeIfThere(this.#fs, `${this.#path}/${token}`);
  }
}
