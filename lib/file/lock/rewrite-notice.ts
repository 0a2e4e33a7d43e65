import { TsvqError } from '../../job/errors.js';
import { type FileSystem, removeIfThere, storeError } from '../disk/fs.js';
import { type LockFiles, removeEmpty } from '../disk/ownership.js';

/**
 * How the holder of the lock says that it is going to put another file in the place of the queue's: a directory in the
 * lock's, with a token of the same name as that of the lock. Nobody appends without the lock as long as it is there.
 *
 * With a token in it, since a holder that was suspended, and passed over, comes back to remove what is its own, and must
 * not remove what another has said meanwhile.
 */
export class Rewriting {
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

  /** Whether somebody rewrites the file, or died in the midst of it. */
  get isActive(): boolean {
    try {
      return this.#fs.stat(this.#path) !== undefined;
    } catch (error) {
      // The lock's folder is closed. Whoever takes the lock sees what can be done about that.
      if ((error as NodeJS.ErrnoException).code === 'EACCES') return true;
      throw error;
    }
  }

  /** Only under the lock. @param name of its token */
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
        // One who was passed over has removed the directory under our hands.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeError(error, this.#path);
      }
    }
  }

  #makeDirectory(): void {
    try {
      this.#files.makeFolder(this.#path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // By one who holds the lock since this one was passed over; what it appends won't count.
      if (code === 'EEXIST') return;
      if (code !== 'ENOENT') throw storeError(error, this.#path);
      // The lock's own directory is gone, and with it our token.
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

  /** The tokens of all who say so. */
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
