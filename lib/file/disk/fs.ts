import * as fs from 'node:fs';
import { type ErrorCode, TsvqError } from '../../job/errors.js';

/** What the store wants to know of a file or directory. */
export interface FileInfo {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeMs: number;
  /** How many names it has; 0 if its last name is gone although a mount still shows it. */
  readonly nlink: number;
  /** When it was made; 0 where the system doesn't tell. */
  readonly birthtimeMs: number;
}

/** What the store wants to know of a file system. */
interface FileSystemInfo {
  /** The system's number for its kind; see statfs(2). */
  readonly type: number;
  /** Bytes that may still be written; Infinity where the system doesn't tell. */
  readonly free: number;
}

/**
 * Every call that the store makes to the file system, so that crashes, races and faults can be simulated over the
 * same code. Calls on names and small pieces are synchronous, since they cost less than a switch of threads; what
 * can wait for the disk (syncs, large reads and writes) is not, so that no event loop waits for it.
 *
 * Errors are Node's, with `code`.
 */
export interface FileSystem {
  open(path: string, flags: string | number, mode?: number): number;
  close(fd: number): void;
  /**
   * When the callbacks that are due have run, which may still be reading from it; and off the event loop, since
   * freeing the pages of a large file that was replaced takes long.
   */
  closeLater(fd: number): void;
  /** undefined if there is no such name. */
  stat(path: string): FileInfo | undefined;
  fstat(fd: number): FileInfo;
  /** Of the file system that a path is on; undefined if there is no such name, or the system doesn't tell. */
  statfs(path: string): FileSystemInfo | undefined;
  /** The path with all symlinks followed; undefined if the name is missing. */
  realpath(path: string): string | undefined;
  readlink(path: string): string | undefined;
  mkdir(path: string, options?: { mode: number }): void;
  rmdir(path: string): void;
  readdir(path: string): string[];
  unlink(path: string): void;
  rename(from: string, to: string): void;
  fchmod(fd: number, mode: number): void;
  fchown(fd: number, uid: number, gid: number): void;
  /** @returns how many bytes were read; 0 at the end of the file. */
  readSync(fd: number, into: Buffer, length: number, position: number): number;
  /** @returns how many bytes were written; may be fewer than asked for, without an error. */
  writeSync(fd: number, bytes: Buffer, position: number | null): number;
  read(fd: number, into: Buffer, length: number, position: number): Promise<number>;
  write(fd: number, bytes: Buffer, position: number | null): Promise<number>;
  /** Data and size on the disk; not the name. */
  fdatasync(fd: number): Promise<void>;
  /** Of a directory: its names on the disk. */
  fsync(fd: number): Promise<void>;
  /** Calls `changed` when something happens to a name in a directory; it may miss some. @returns the end of it */
  watch(folder: string, changed: (name: string | null) => void): () => void;
}

/** undefined where the name is missing; anything else that goes wrong is thrown. */
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

/** Node's callbacks as promises; node:fs/promises would cost a module and a FileHandle each. */
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
      // Some that are no disks count no blocks.
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
/** Most that one call reads of what is read whole. */
const PIECE = 64 * 1024 * 1024;

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);
const NO_WAY = new Set(['ENOTDIR', 'ELOOP', 'ENAMETOOLONG']);

/** Codes of the system: those of Node (`ERR_…`), and of whatever a user's code throws, are none. */
const isSystemCode = (code: unknown): code is string =>
  typeof code === 'string' && (/^E[A-Z0-9]+$/.test(code) || code === 'UNKNOWN');

/** A system error as one of ours: which file, what to do. Any other error stays as it is. */
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

/** Does something with the queue file `path`; what the system refuses in the midst of it is told as one of ours. */
export async function withStoreErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(error, path);
  }
}

/** The same, for what doesn't wait. */
export function withStoreErrorsSync<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeError(error, path);
  }
}

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

/** The same, off the event loop, and a piece at a time: for what may be large. */
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

/** Refuses a write that was short without an error, which has one cause in practice. */
export function assertWhole(written: number, bytes: Buffer): void {
  if (written < bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
}

/** Makes the names in a directory durable: a rename or a new file is none before. */
export async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  const fd = fs.open(folder, 'r');
  try {
    await fs.fsync(fd);
  } finally {
    fs.close(fd);
  }
}

/** Removes a name, unless it is gone already. */
export function removeIfThere(fs: FileSystem, path: string): void {
  try {
    fs.unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeError(error, path);
  }
}
