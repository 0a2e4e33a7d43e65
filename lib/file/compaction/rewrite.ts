import { basename, dirname, join } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import { randomHex } from '../../job/random.js';
import { isMounted } from '../disk/detached.js';
import { assertWhole, type FileSystem, removeIfThere, syncFolder } from '../disk/fs.js';
import { give, giveToOwner, type Owner } from '../disk/ownership.js';
import { headOf, type Layout } from '../format/layout.js';
import type { Lock } from '../lock/lock.js';

/** The new file has the name, but power loss may bring the old one back, so no process may build on the new one. */
export class NotDurable extends Error {
  constructor(cause: unknown) {
    super('a rename could not be made durable', { cause });
  }
}

/** A new file that takes the queue file's name once it is whole and durable. */
export class Replacement {
  size = 0;
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #temporary: string;
  readonly #fd: number;
  #pending: Buffer[] = [];
  #pendingSize = 0;
  #written = 0;
  /** True once the new file has the queue file's name. */
  hasName = false;

  /** @param owner the new file's owner; by default, the owner of the file at the path */
  constructor(fs: FileSystem, path: string, owner?: Owner) {
    this.#fs = fs;
    this.#path = path;
    // The name is random, so that no symlink can wait there. After a crash the repair removes the file, or
    // doctor reports it.
    this.#temporary = `${path}.${randomHex(6)}.tmp`;
    this.#fd = fs.open(this.#temporary, 'wx+', 0o660);
    try {
      const like = owner ?? fs.stat(path);
      if (like === undefined) giveToOwner(fs, this.#fd, path);
      else give(fs, this.#fd, like);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  add(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingSize += bytes.length;
    this.size += bytes.length;
  }

  async flush(): Promise<void> {
    if (this.#pendingSize === 0) return;
    const bytes = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingSize = 0;
    assertWhole(await this.#fs.write(this.#fd, bytes, this.#written), bytes);
    this.#written += bytes.length;
  }

  /** Overwrites bytes that were flushed before. */
  patch(position: number, bytes: Buffer): void {
    if (position + bytes.length > this.#written) throw new Error('patch of bytes that are not written yet');
    this.#fs.writeSync(this.#fd, bytes, position);
  }

  async sync(): Promise<void> {
    await this.flush();
    await this.#fs.fsync(this.#fd);
  }

  /**
   * Renames the file; only under the lock. Another process that takes the lock over removes this one's token,
   * then its file. One of the two stops this process here, however long and wherever it was suspended.
   */
  async replace(lock: Lock): Promise<void> {
    if (!lock.stillHeld()) throw takenOver(this.#path);
    try {
      this.#fs.rename(this.#temporary, this.#path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw code === 'ENOENT'
        ? takenOver(this.#path)
        : code === 'EBUSY'
          ? isMounted(this.#path, error)
          : error;
    }
    this.hasName = true;
    try {
      await syncFolder(this.#fs, dirname(this.#path));
    } catch (cause) {
      throw new NotDurable(cause);
    }
  }

  close(): void {
    this.#fs.close(this.#fd);
    if (this.hasName) return;
    try {
      this.#fs.unlink(this.#temporary);
    } catch {
      // The file is only a leftover; the first error matters more.
    }
  }
}

const takenOver = (path: string): TsvqError =>
  new TsvqError('WRITE_FAILED', `the lock was taken over while ${path} was rewritten; the file is unchanged`);

/** Lists the unfinished new files beside a queue file, of compactions under way and of dead processes. */
export function replacementsOf(fs: FileSystem, path: string): string[] {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  return fs
    .readdir(folder)
    .filter((name) => name.startsWith(prefix) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(prefix.length)))
    .map((name) => join(folder, name));
}

/** Removes the unfinished files of dead processes, and of processes whose lock was taken over. */
export function removeUnfinishedRewrites(fs: FileSystem, path: string): void {
  // Another process may have taken the lock over meanwhile, and repair too.
  for (const file of replacementsOf(fs, path)) removeIfThere(fs, file);
}

/** Makes an empty queue file durably. */
export async function createQueueFile(
  fs: FileSystem,
  lock: Lock,
  path: string,
  layout: Layout,
): Promise<void> {
  const output = new Replacement(fs, path);
  try {
    output.add(Buffer.from(headOf(layout)));
    await output.sync();
    await output.replace(lock);
    await syncFoldersAbove(fs, path);
  } finally {
    output.close();
  }
}

/** Syncs all directories above a file's, because they may be as new. This process may not open some of them. */
export async function syncFoldersAbove(fs: FileSystem, path: string): Promise<void> {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    await syncFolder(fs, dirname(folder)).catch(() => {});
  }
}
