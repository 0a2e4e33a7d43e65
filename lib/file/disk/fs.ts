import * as fs from 'node:fs';
import { type ErrorCode, TsvqError } from '../../job/errors.js';

/** The facts about a file or directory that the store needs. */
export interface FileInfo {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeMs: number;
  /** The number of names; 0 if the last name is gone although a mount still shows the file. */
  readonly nlink: number;
  /** When the file was made; 0 if the system doesn't tell. */
  readonly birthtimeMs: number;
}

/** The facts about a file system that the store needs. */
interface FileSystemInfo {
  /** The system's number for this kind of file system; see statfs(2). */
  readonly type: number;
  /** Bytes that may still be written; Infinity if the system doesn't tell. */
  readonly free: number;
}

/**
 * All calls of the store to the file system, so that crashes, races and faults can be simulated over the same
 * code. Calls on names and small pieces are synchronous because they cost less than a switch of threads.
 * Calls that can wait for the disk (syncs, large reads and writes) are not, so that no event loop waits.
 *
 * Errors are Node's, with `code`.
 */
export interface FileSystem {
  open(path: string, flags: string | number, mode?: number): number;
  close(fd: number): void;
  /**
   * Closes a file after the callbacks that are due, because they may still read from it. This runs off the
   * event loop because freeing the pages of a large replaced file takes long.
   */
  closeLater(fd: number): void;
  /** Describes a file or directory; undefined if the name is missing. */
  stat(path: string): FileInfo | undefined;
  fstat(fd: number): FileInfo;
  /** Describes the file system of a path; undefined if the name is missing, or the system doesn't tell. */
  statfs(path: string): FileSystemInfo | undefined;
  /** Returns the path with all symlinks followed; undefined if the name is missing. */
  realpath(path: string): string | undefined;
  readlink(path: string): string | undefined;
  mkdir(path: string, options?: { mode: number }): void;
  rmdir(path: string): void;
  readdir(path: string): string[];
  unlink(path: string): void;
  rename(from: string, to: string): void;
  fchmod(fd: number, mode: number): void;
  fchown(fd: number, uid: number, gid: number): void;
  /** @returns how many bytes were read; 0 at the end of the file */
  readSync(fd: number, into: Buffer, length: number, position: number): number;
  /** @returns how many bytes were written; may be fewer than asked for, without an error */
  writeSync(fd: number, bytes: Buffer, position: number | null): number;
  read(fd: number, into: Buffer, length: number, position: number): Promise<number>;
  write(fd: number, bytes: Buffer, position: number | null): Promise<number>;
  /** Syncs data and size, not the name. */
  fdatasync(fd: number): Promise<void>;
  /** Syncs a file, or the names in a directory. */
  fsync(fd: number): Promise<void>;
  /** Calls `changed` when a name in a directory changes; may miss some. @returns a function that ends it */
  watch(folder: string, changed: (name: string | null) => void): () => void;
}

/** Runs a call. Returns undefined if the name is missing; throws other errors. */
function ifThere<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

type Callback<T> = (error: NodeJS.ErrnoException | null, value: T) => void;

/** Turns Node's callbacks into promises; node:fs/promises costs a module and a FileHandle each. */
const promised = <T>(call: (done: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))));

export const systemFs: FileSystem = {
  open: (path, flags, mode) => fs.openSync(path, flags, mode),
  close: (fd) => fs.closeSync(fd),
  closeLater: (fd) => void setImmediate(() => fs.close(fd, () => {})),
  stat: (path) => ifThere(() => fs.statSync(path, { throwIfNoEntry: false })),
  fstat: (fd) => fs.fstatSync(fd),
  statfs: (path) => {
    try {
      const { type, blocks, bavail, bsize } = fs.statfsSync(path);
      // Some file systems without a disk count no blocks.
      return { type, free: blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize };
    } catch {
      return undefined;
    }
  },
  realpath: (path) => ifThere(() => fs.realpathSync(path)),
  readlink: (path) => {
    try {
      return fs.readlinkSync(path);
    } catch {
      return undefined;
    }
  },
  mkdir: (path, options) => void fs.mkdirSync(path, options),
  rmdir: (path) => fs.rmdirSync(path),
  readdir: (path) => fs.readdirSync(path),
  unlink: (path) => fs.unlinkSync(path),
  rename: (from, to) => fs.renameSync(from, to),
  fchmod: (fd, mode) => fs.fchmodSync(fd, mode),
  fchown: (fd, uid, gid) => fs.fchownSync(fd, uid, gid),
  readSync: (fd, into, length, position) => fs.readSync(fd, into, 0, length, position),
  writeSync: (fd, bytes, position) => fs.writeSync(fd, bytes, 0, bytes.length, position),
  read: (fd, into, length, position) => promised((done) => fs.read(fd, into, 0, length, position, done)),
  write: (fd, bytes, position) => promised((done) => fs.write(fd, bytes, 0, bytes.length, position, done)),
  fdatasync: (fd) => promised((done) => fs.fdatasync(fd, done as Callback<void>)),
  fsync: (fd) => promised((done) => fs.fsync(fd, done as Callback<void>)),
  watch: (folder, changed) => {
    const watcher = fs.watch(folder, (_, name) => changed(name));
    watcher.on('error', () => {});
    return () => watcher.close();
  },
};

/** Whole pieces up to this size are read and written synchronously. */
export const SMALL = 65_536;
/** The most that one asynchronous call reads. */
const PIECE = 64 * 1024 * 1024;

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);
const NO_WAY = new Set(['ENOTDIR', 'ELOOP', 'ENAMETOOLONG']);

/** True for an error code of the system; false for Node's (`ERR_…`) and those of a user's code. */
const isSystemCode = (code: unknown): code is string =>
  typeof code === 'string' && (/^E[A-Z0-9]+$/.test(code) || code === 'UNKNOWN');

/** Turns a system error into a TsvqError: which file, what to do. Other errors stay unchanged. */
export function storeError(error: unknown, what: string): unknown {
  if (error instanceof TsvqError || typeof error !== 'object' || error === null) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (!isSystemCode(code)) return error;
  const as = (ours: ErrorCode, message: string): TsvqError => new TsvqError(ours, message, { cause: error });
  if (FULL.has(code)) return as('DISK_FULL', `no room for ${what} (${code}); free some space and try again`);
  if (DENIED.has(code)) {
    const see = 'see the owner and the mode of the file and its folder';
    return as('NO_ACCESS', `no permission for ${what} (${code}); ${see}`);
  }
  if (NO_WAY.has(code))
    return as('NO_ACCESS', `${what} can't be reached (${code}); see the folders on its path`);
  return as('WRITE_FAILED', `${what} could not be read or written (${code})`);
}

/** Runs `work` on the queue file `path`, and turns system errors into those of {@link storeError}. */
export async function withStoreErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(error, path);
  }
}

/** Runs synchronous `work` as {@link withStoreErrors} does. */
export function withStoreErrorsSync<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeError(error, path);
  }
}

/** True for a file with content; false for a folder, pipe or device. */
export const isRegular = ({ mode }: FileInfo): boolean =>
  (mode & fs.constants.S_IFMT) === fs.constants.S_IFREG;

/** Reads until the buffer is full or a read returns 0. */
export function readFully(fs: FileSystem, fd: number, bytes: Buffer, from: number): number {
  let filled = 0;
  while (filled < bytes.length) {
    const length = fs.readSync(fd, bytes.subarray(filled), bytes.length - filled, from + filled);
    if (length === 0) break;
    filled += length;
  }
  return filled;
}

/** Reads like {@link readFully}, off the event loop and piece by piece, for large files. */
export async function readFullyAsync(
  fs: FileSystem,
  fd: number,
  bytes: Buffer,
  from: number,
): Promise<number> {
  let filled = 0;
  while (filled < bytes.length) {
    const piece = Math.min(bytes.length - filled, PIECE);
    const length = await fs.read(fd, bytes.subarray(filled), piece, from + filled);
    if (length === 0) break;
    filled += length;
  }
  return filled;
}

/** Throws if a write was short without an error, because in practice the disk is full then. */
export function assertWhole(written: number, bytes: Buffer): void {
  if (written < bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
}

/** Makes the names in a directory durable. Before, a rename or a new file isn't durable. */
export async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  const fd = fs.open(folder, 'r');
  try {
    await fs.fsync(fd);
  } finally {
    fs.close(fd);
  }
}

/** Removes a name, unless it is already gone. */
export function removeIfThere(fs: FileSystem, path: string): void {
  try {
    fs.unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeError(error, path);
  }
}
