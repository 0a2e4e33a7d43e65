import { basename, dirname } from 'node:path';
import { type FileInfo, type FileSystem, removeIfThere, storeError } from '../disk/fs.js';
import { type LockFiles, makeFolders, removeEmpty, removeFolderOfRoot } from '../disk/ownership.js';
import { NO_PID } from './process-id.js';
import { makeDirectory } from './proper-lockfile.js';

const PREFIX = 'owner.';

/** Returns the name of an owner's token. */
export const tokenOf = (owner: string): string => PREFIX + owner;
/** Returns the name of a token's owner. */
export const ownerOf = (token: string): string => token.slice(PREFIX.length);

/** The tokens in a lock's directory. */
export class Tokens {
  readonly #fs: FileSystem;
  /** The path of the lock's directory. */
  readonly #path: string;
  readonly #files: LockFiles;
  readonly #onMissingFolder: () => void;

  /** @param onMissingFolder called before the queue's folder is made; may throw */
  constructor(fs: FileSystem, path: string, files: LockFiles, onMissingFolder: () => void) {
    this.#fs = fs;
    this.#path = path;
    this.#files = files;
    this.#onMissingFolder = onMissingFolder;
  }

  /** Lists the names of the tokens. */
  list(): string[] {
    try {
      return this.#fs.readdir(this.#path).filter((name) => name.startsWith(PREFIX));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw storeError(error, this.#path);
    }
  }

  /** Returns the file information of a token; undefined if it is gone. */
  infoOf(token: string): FileInfo | undefined {
    try {
      return this.#fs.stat(`${this.#path}/${token}`);
    } catch (error) {
      throw storeError(error, this.#path);
    }
  }

  /**
   * Gives a token the pid 0, which no process has, so that it counts as that of a dead owner.
   *
   * @param token the path of the token
   * @returns false if the system refuses that
   */
  disown(token: string): boolean {
    const [host, boot, namespace, , ...rest] = ownerOf(basename(token)).split('.');
    try {
      this.#fs.rename(token, `${this.#path}/${tokenOf([host, boot, namespace, NO_PID, ...rest].join('.'))}`);
      return true;
    } catch {
      return false;
    }
  }

  remove(tokens: readonly string[]): void {
    for (const token of tokens) removeIfThere(this.#fs, `${this.#path}/${token}`);
  }

  /**
   * Creates a token, and the directory if it is missing.
   *
   * @param token the path of the token
   * @returns false if another process removed the directory; the next try makes it again
   */
  create(token: string): boolean {
    try {
      this.#files.makeToken(token);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // An empty directory doesn't lock. Root was killed before it could give this one away.
      const isHealed = code === 'EACCES' && removeEmpty(this.#fs, this.#path);
      if (code !== 'ENOENT' && !isHealed) throw storeError(error, this.#path);
    }
    const folder = dirname(this.#path);
    try {
      if (this.#fs.stat(folder) === undefined) this.#onMissingFolder();
      makeFolders(this.#fs, folder);
    } catch (error) {
      throw storeError(error, folder);
    }
    try {
      if (makeDirectory(this.#fs, this.#path, this.#files.folderMode)) {
        this.#files.giveLockFolder(this.#path);
      }
      this.#files.makeToken(token);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const isHealed = code === 'EACCES' && removeFolderOfRoot(this.#fs, folder);
      if (code === 'ENOENT' || isHealed) return false;
      throw storeError(error, this.#path);
    }
  }
}
