import { TsvqError } from '../../job/errors.js';
import { type FileSystem, removeIfThere, storeError } from '../disk/fs.js';
import { type LockFiles, removeEmpty } from '../disk/ownership.js';

/**
 * The rewrite notice: the lock's holder says that it will replace the queue file. A directory `rewriting/` inside the
 * lock's directory, with a token named like the lock's token. While it exists, no process appends without the lock.
 *
 * It has a token because a suspended holder may lose the lock to another process. When it goes on, it removes its own
 * notice, and must not remove that of the process that took the lock over.
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
      // This process may not look into the lock's directory. The process that takes the lock deals with that.
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
        // A suspended holder, from which another process took the lock over, has removed the directory meanwhile.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeError(error, this.#path);
      }
    }
  }

  #makeDirectory(): void {
    try {
      this.#files.makeFolder(this.#path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Another process, which took the lock over, made it. This process has lost the lock, so rows that it appends now
      // don't count.
      if (code === 'EEXIST') return;
      if (code !== 'ENOENT') throw storeError(error, this.#path);
      // The lock's directory is gone, and this process's token too.
      throw new TsvqError(
        'WRITE_FAILED',
        `another process took the lock over before ${this.#path} could be made; nothing was written`,
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
      // A process of root made the directory, and was killed before it changed its owner.
      if (code === 'EACCES' && removeEmpty(this.#fs, this.#path)) return [];
      throw storeError(error, this.#path);
    }
  }

  clear(tokens: readonly string[]): void {
    for (const token of tokens) removeIfThere(this.#fs, `${this.#path}/${token}`);
  }
}
