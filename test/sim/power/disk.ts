import { constants } from 'node:fs';
import { dirname } from 'node:path';
import type { FileInfo, FileSystem } from '../../../lib/file/disk/fs.js';
import { openFlags } from '../open-flags.js';
import { apply, find, type Inode, type Operation, type Snapshot } from './snapshot.js';

const { S_IFDIR, S_IFREG, O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND } = constants;
const O_ACCMODE = O_RDONLY | O_WRONLY | O_RDWR;

/** Without a stack, which would cost more than all else here: a missing name is nothing unusual. */
function failure(code: string, path: string): NodeJS.ErrnoException {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${path}`), { code });
  Error.stackTraceLimit = limit;
  return error;
}

interface Descriptor {
  readonly ino: number;
  readonly append: boolean;
}

/**
 * A disk in memory that keeps a log of every change it was asked for, and of every sync. Its own state is what
 * processes see; what power loss may leave is made from the log; see crash.ts.
 */
export class Disk {
  /** What was durable before the first operation of the log. */
  readonly base: Snapshot;
  readonly log: Operation[] = [];
  readonly #inodes: Map<number, Inode>;
  readonly #descriptors = new Map<number, Descriptor>();
  readonly #now: () => number;
  #nextFd = 3;
  #nextIno: number;

  /** @param log what was asked for before: a process has died, the machine has not */
  constructor(base: Snapshot, now: () => number, log: readonly Operation[] = []) {
    this.base = base;
    this.#now = now;
    this.#inodes = new Map(base);
    for (const operation of log) this.#do(operation);
    this.#nextIno = Math.max(...this.#inodes.keys()) + 1;
  }

  /** As processes see it. */
  get state(): Snapshot {
    return this.#inodes;
  }

  text(path: string): string | undefined {
    const ino = find(this.#inodes, path);
    const inode = ino === undefined ? undefined : this.#inodes.get(ino);
    return inode?.kind === 'file' ? inode.data.toString('utf8') : undefined;
  }

  readonly fs: FileSystem = {
    open: (path, flags, mode = 0o666) => this.#open(path, flags, mode),
    close: (fd) => void this.#descriptors.delete(fd),
    closeLater: (fd) => void this.#descriptors.delete(fd),
    stat: (path) => {
      const ino = find(this.#inodes, path);
      return ino === undefined ? undefined : this.#info(ino);
    },
    fstat: (fd) => this.#info(this.#descriptor(fd).ino),
    statfs: () => undefined,
    realpath: (path) => (find(this.#inodes, path) === undefined ? undefined : path),
    readlink: () => undefined,
    mkdir: (path) => this.#mkdir(path),
    rmdir: (path) => {
      const { names } = this.#folder(path);
      if (names.size > 0) throw failure('ENOTEMPTY', path);
      this.#removeName(path);
    },
    readdir: (path) => [...this.#folder(path).names.keys()],
    unlink: (path) => this.#removeName(path),
    rename: (from, to) => {
      const target = find(this.#inodes, from);
      if (target === undefined) throw failure('ENOENT', from);
      if (dirname(from) !== dirname(to)) throw failure('EXDEV', to);
      this.#do({ kind: 'rename', ino: this.#parent(from), from: nameOf(from), to: nameOf(to), target });
    },
    fchmod: () => {},
    fchown: () => {},
    readSync: (fd, into, length, position) => this.#read(fd, into, length, position),
    writeSync: (fd, bytes, position) => this.#write(fd, bytes, position),
    read: async (fd, into, length, position) => this.#read(fd, into, length, position),
    write: async (fd, bytes, position) => this.#write(fd, bytes, position),
    fdatasync: (fd) => this.#sync(fd),
    fsync: (fd) => this.#sync(fd),
    watch: () => () => {},
  };

  #do(operation: Operation): void {
    this.log.push(operation);
    apply(this.#inodes, operation);
  }

  #open(path: string, flags: string | number, mode: number): number {
    const bits = openFlags(flags);
    let ino = find(this.#inodes, path);
    if (ino !== undefined && (bits & O_EXCL) !== 0) throw failure('EEXIST', path);
    if (ino === undefined) {
      if ((bits & O_CREAT) === 0) throw failure('ENOENT', path);
      const parent = this.#parent(path);
      ino = this.#make({ kind: 'file', data: Buffer.alloc(0), mode, mtimeMs: this.#now() });
      this.#do({ kind: 'link', ino: parent, name: nameOf(path), target: ino });
    } else if ((bits & O_TRUNC) !== 0) {
      this.#do({ kind: 'truncate', ino });
    }
    const inode = this.#inodes.get(ino) as Inode;
    if (inode.kind === 'folder' && (bits & O_ACCMODE) !== O_RDONLY) throw failure('EISDIR', path);
    const fd = this.#nextFd++;
    this.#descriptors.set(fd, { ino, append: (bits & O_APPEND) !== 0 });
    return fd;
  }

  #make(inode: Inode): number {
    const ino = this.#nextIno++;
    this.#do({ kind: 'make', ino, inode });
    return ino;
  }

  #mkdir(path: string): void {
    if (find(this.#inodes, path) !== undefined) throw failure('EEXIST', path);
    const parent = this.#parent(path);
    const ino = this.#make({ kind: 'folder', names: new Map(), mtimeMs: this.#now() });
    this.#do({ kind: 'link', ino: parent, name: nameOf(path), target: ino });
  }

  #removeName(path: string): void {
    if (find(this.#inodes, path) === undefined) throw failure('ENOENT', path);
    this.#do({ kind: 'unlink', ino: this.#parent(path), name: nameOf(path) });
  }

  #parent(path: string): number {
    const ino = find(this.#inodes, dirname(path));
    if (ino === undefined) throw failure('ENOENT', path);
    return ino;
  }

  #folder(path: string): Inode & { kind: 'folder' } {
    const ino = find(this.#inodes, path);
    const inode = ino === undefined ? undefined : this.#inodes.get(ino);
    if (inode === undefined) throw failure('ENOENT', path);
    if (inode.kind !== 'folder') throw failure('ENOTDIR', path);
    return inode;
  }

  #descriptor(fd: number): Descriptor {
    const descriptor = this.#descriptors.get(fd);
    if (descriptor === undefined) throw failure('EBADF', String(fd));
    return descriptor;
  }

  #info(ino: number): FileInfo {
    const inode = this.#inodes.get(ino) as Inode;
    const { mtimeMs } = inode;
    const common = { dev: 1, ino, uid: 0, gid: 0, mtimeMs, nlink: 1, birthtimeMs: 0 };
    return inode.kind === 'file'
      ? { ...common, size: inode.data.length, mode: S_IFREG | inode.mode }
      : { ...common, size: 0, mode: S_IFDIR | 0o770 };
  }

  #data(ino: number): Buffer {
    const inode = this.#inodes.get(ino);
    if (inode?.kind !== 'file') throw failure('EISDIR', String(ino));
    return inode.data;
  }

  #read(fd: number, into: Buffer, length: number, position: number): number {
    const data = this.#data(this.#descriptor(fd).ino);
    return position >= data.length
      ? 0
      : data.copy(into, 0, position, Math.min(data.length, position + length));
  }

  #write(fd: number, bytes: Buffer, position: number | null): number {
    const { ino, append } = this.#descriptor(fd);
    const at = append || position === null ? this.#data(ino).length : position;
    this.#do({ kind: 'write', ino, at, bytes: Buffer.from(bytes) });
    return bytes.length;
  }

  async #sync(fd: number): Promise<void> {
    const { ino } = this.#descriptor(fd);
    // What was asked for before the call is covered; that it is, is known only when the call returns.
    const upTo = this.log.length;
    await undefined;
    this.#do({ kind: 'sync', ino, upTo });
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
