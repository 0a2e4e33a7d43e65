import { constants } from 'node:fs';
import { dirname } from 'node:path';
import type { FileInfo } from '../../../lib/file/disk/fs.js';
import { openFlags } from '../open-flags.js';
import { FileContent } from './file-content.js';

/** A system error by its code alone; the one who called makes Node's of it. */
export class DiskError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

interface Inode {
  ino: number;
  mtimeMs: number;
  links: number;
  /** Descriptors. */
  users: number;
  readonly file?: FileContent;
  readonly folder?: Folder;
}

/** Names, as processes see them and as the disk has them. */
interface Folder {
  names: Map<string, Inode>;
  durable: Map<string, Inode>;
  /** Changes that no sync covers; a rename is one. */
  unsynced: (readonly [name: string, inode: Inode | undefined])[][];
}

interface Descriptor {
  readonly inode: Inode;
  readonly append: boolean;
  readonly process: number;
  /** A sync of the file has failed since it was opened, and this one has not been told. */
  failed?: boolean;
}

const { O_APPEND, O_CREAT, O_EXCL, O_TRUNC, O_RDWR, O_WRONLY, S_IFDIR, S_IFREG } = constants;

/** One local file system in memory. Inode numbers are used again as soon as they are free, as on ext4. */
export class Disk {
  readonly #now: () => number;
  readonly #root: Inode;
  readonly #free: number[] = [];
  #nextIno = 2;
  #nextFd = 10;
  readonly #descriptors = new Map<number, Descriptor>();

  constructor(now: () => number) {
    this.#now = now;
    this.#root = this.#make(newFolder());
    this.#root.links = 1;
  }

  // ---- names ----

  open(path: string, flags: string | number, process: number): number {
    const bits = openFlags(flags);
    let inode = this.#find(path);
    if (inode === undefined) {
      if ((bits & O_CREAT) === 0) throw new DiskError('ENOENT');
      inode = this.#make({ file: new FileContent() });
      this.#change(path, inode);
    } else if ((bits & O_CREAT) !== 0 && (bits & O_EXCL) !== 0) throw new DiskError('EEXIST');
    if (inode.folder !== undefined && (bits & (O_WRONLY | O_RDWR)) !== 0) throw new DiskError('EISDIR');
    if ((bits & O_TRUNC) !== 0) inode.file?.truncate(0);
    const fd = this.#nextFd++;
    inode.users++;
    this.#descriptors.set(fd, { inode, append: (bits & O_APPEND) !== 0, process });
    return fd;
  }

  close(fd: number): void {
    const { inode } = this.#get(fd);
    this.#descriptors.delete(fd);
    inode.users--;
    this.#freeIfUnused(inode);
  }

  /** What the system does for a process that has ended. */
  closeAll(process: number): void {
    for (const [fd, descriptor] of this.#descriptors) if (descriptor.process === process) this.close(fd);
  }

  stat(path: string): FileInfo | undefined {
    const inode = this.#find(path);
    return inode && info(inode);
  }

  fstat(fd: number): FileInfo {
    return info(this.#get(fd).inode);
  }

  mkdir(path: string): void {
    if (this.#find(path) !== undefined) throw new DiskError('EEXIST');
    this.#change(path, this.#make(newFolder()));
  }

  rmdir(path: string): void {
    const inode = this.#existing(path);
    if (inode.folder === undefined) throw new DiskError('ENOTDIR');
    if (inode.folder.names.size > 0) throw new DiskError('ENOTEMPTY');
    this.#change(path, undefined);
  }

  readdir(path: string): string[] {
    const { folder } = this.#existing(path);
    if (folder === undefined) throw new DiskError('ENOTDIR');
    return [...folder.names.keys()];
  }

  unlink(path: string): void {
    if (this.#existing(path).folder !== undefined) throw new DiskError('EISDIR');
    this.#change(path, undefined);
  }

  /** Of files in one directory. */
  rename(from: string, to: string): void {
    const inode = this.#existing(from);
    if (dirname(from) !== dirname(to)) throw new DiskError('EXDEV');
    this.#change(to, inode, from);
  }

  /** Sets the time of a file or directory; what proper-lockfile asks for. */
  utimes(path: string, mtimeMs: number): void {
    this.#existing(path).mtimeMs = mtimeMs;
  }

  // ---- content ----

  read(fd: number, length: number, position: number): Buffer {
    const { file } = this.#get(fd).inode;
    if (file === undefined) throw new DiskError('EISDIR');
    return file.slice(position, position + length);
  }

  write(fd: number, bytes: Buffer, position: number | null): number {
    const { inode, append } = this.#get(fd);
    if (inode.file === undefined) throw new DiskError('EBADF');
    inode.mtimeMs = this.#now();
    inode.file.write(bytes, append ? inode.file.size : (position ?? 0));
    return bytes.length;
  }

  ftruncate(fd: number, size: number): void {
    this.#get(fd).inode.file?.truncate(size);
  }

  sync(fd: number): void {
    const descriptor = this.#get(fd);
    const { file, folder } = descriptor.inode;
    file?.sync();
    if (descriptor.failed) {
      descriptor.failed = false;
      throw new DiskError('EIO');
    }
    if (folder !== undefined) {
      folder.durable = new Map(folder.names);
      folder.unsynced = [];
    }
  }

  /** Whoever has the file open at that moment is told once, as Linux does since 4.13. */
  failSync(fd: number): void {
    const failed = this.#get(fd);
    failed.inode.file?.failSync();
    for (const descriptor of this.#descriptors.values()) {
      if (descriptor.inode === failed.inode && descriptor !== failed) descriptor.failed = true;
    }
    throw new DiskError('EIO');
  }

  /** What is left is what was synced, and of the rest what chance has kept. */
  losePower(random: () => number): void {
    this.#descriptors.clear();
    this.#free.length = 0;
    const lose = ({ file, folder }: Inode): void => {
      file?.losePower(random);
      if (folder === undefined) return;
      for (const changes of folder.unsynced) {
        if (random() < 0.5) for (const [name, inode] of changes) put(folder.durable, name, inode);
      }
      folder.unsynced = [];
      folder.names = new Map(folder.durable);
      for (const inode of folder.names.values()) {
        // What comes back may have a number that was free meanwhile, and given to another.
        inode.ino = this.#nextIno++;
        // Its name may have been taken away, and not for good.
        inode.links = 1;
        lose(inode);
      }
    };
    lose(this.#root);
  }

  // ---- for those who judge ----

  /** Of the file, or undefined; not a copy. */
  content(path: string): Buffer | undefined {
    return this.#find(path)?.file?.slice();
  }

  /** What the file is told apart by from others that have, or had, the same name. */
  identity(path: string): unknown {
    return this.#find(path);
  }

  /** Whether the descriptor is of the file that has this name. */
  isOf(fd: number, path: string): boolean {
    return this.#descriptors.get(fd)?.inode === this.#find(path);
  }

  // ---- inodes ----

  #make(content: { file: FileContent } | { folder: Folder }): Inode {
    const ino = this.#free.pop() ?? this.#nextIno++;
    return { ino, mtimeMs: this.#now(), links: 0, users: 0, ...content };
  }

  #freeIfUnused(inode: Inode): void {
    if (inode.links === 0 && inode.users === 0) this.#free.push(inode.ino);
  }

  #get(fd: number): Descriptor {
    const descriptor = this.#descriptors.get(fd);
    if (descriptor === undefined) throw new DiskError('EBADF');
    return descriptor;
  }

  #existing(path: string): Inode {
    const inode = this.#find(path);
    if (inode === undefined) throw new DiskError('ENOENT');
    return inode;
  }

  #find(path: string): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of path.split('/')) {
      if (name !== '') inode = inode?.folder?.names.get(name);
    }
    return inode;
  }

  /** Gives a name to an inode, or takes it away; `from` is another name that goes in the same step. */
  #change(path: string, inode: Inode | undefined, from?: string): void {
    const parent = this.#existing(dirname(path));
    const { folder } = parent;
    if (folder === undefined) throw new DiskError('ENOTDIR');
    const name = nameOf(path);
    const changes: [string, Inode | undefined][] = [[name, inode]];
    if (from !== undefined) changes.push([nameOf(from), undefined]);
    const before = folder.names.get(name);
    if (inode !== undefined) inode.links++;
    for (const [changed, to] of changes) put(folder.names, changed, to);
    if (from !== undefined && inode !== undefined) inode.links--;
    if (before !== undefined) {
      before.links--;
      this.#freeIfUnused(before);
    }
    folder.unsynced.push(changes);
    parent.mtimeMs = this.#now();
  }
}

const newFolder = (): { folder: Folder } => ({
  folder: { names: new Map(), durable: new Map(), unsynced: [] },
});

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function put(names: Map<string, Inode>, name: string, inode: Inode | undefined): void {
  if (inode === undefined) names.delete(name);
  else names.set(name, inode);
}

const info = ({ ino, mtimeMs, links, file }: Inode): FileInfo => ({
  dev: 1,
  ino,
  size: file?.size ?? 4096,
  mode: file === undefined ? S_IFDIR | 0o770 : S_IFREG | 0o660,
  uid: 0,
  gid: 0,
  mtimeMs,
  nlink: links,
  birthtimeMs: 0,
});
