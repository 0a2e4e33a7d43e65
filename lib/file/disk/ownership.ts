import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import type { FileInfo, FileSystem } from './fs.js';

/*
 * What is made for a queue looks like its file: the same owner, group and mode. Made by root, it would otherwise shut
 * out everybody else who works the queue. Made under a narrow umask, it would shut out the other users of its group.
 *
 * Root may be killed before it could give a thing away. Such a thing is empty, and stands in a folder of the queue's
 * owner. So the next process removes it and makes its own.
 */

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG } = constants;
/** The mode of a folder that a group shares: it may write there, and what is made there belongs to it. */
const SHARED = 0o2020;
export const ROOT = 0;

/** Whose something is, and who else may use it. */
export type Owner = Pick<FileInfo, 'uid' | 'gid' | 'mode'>;

/** A folder may be entered by those who may read the file. */
const enterable = (mode: number): number => mode | ((mode & 0o444) >> 2);

/** Whose a new thing is where no queue file tells. @param mode as the system has made it */
export function ownerIn(folder: Owner, mode: number): Owner {
  const isShared = (folder.mode & SHARED) === SHARED;
  return { uid: folder.uid, gid: folder.gid, mode: isShared ? mode | 0o060 : mode };
}

/**
 * Gives an open file or folder to an owner, as far as the system allows it.
 *
 * @returns whether anything has changed
 */
export function give(fs: FileSystem, fd: number, owner: Owner): boolean {
  const { uid, gid, ...made } = fs.fstat(fd);
  const mode = made.mode & 0o7777;
  const isFolder = (made.mode & S_IFMT) === S_IFDIR;
  // Of a folder the system sets setgid, and it stays.
  const wanted = isFolder ? (mode & 0o7000) | enterable(owner.mode & 0o777) : owner.mode & 0o7777;
  const chmod = (from: number, to: number): boolean => {
    if (from !== to) fs.fchmod(fd, to);
    return from !== to;
  };
  // First what it loses: its new group may not see more of it for a moment.
  const narrow = mode & wanted;
  const isNarrowed = chmod(mode, narrow);
  const isGiven = chown(fs, fd, { uid, gid }, owner);
  // Where its group stays another one, that one gets no more than the system has given it.
  const isOfGroup = isGiven || gid === owner.gid;
  const isWidened = chmod(narrow, isOfGroup ? wanted : (wanted & ~0o070) | (narrow & 0o070));
  return isNarrowed || isGiven || isWidened;
}

/** @returns whether it was given; root may do that, and others may give to a group of theirs at the most */
function chown(fs: FileSystem, fd: number, from: Omit<Owner, 'mode'>, to: Omit<Owner, 'mode'>): boolean {
  for (const uid of new Set([to.uid, from.uid])) {
    if (uid === from.uid && to.gid === from.gid) return false;
    try {
      fs.fchown(fd, uid, to.gid);
      return true;
    } catch {
      // Not ours to give away.
    }
  }
  return false;
}

/**
 * Gives a file or folder that was just made to the owner of the queue file. Where there is no such file yet, its folder
 * tells the owner.
 *
 * @returns the owner, if anything had to be changed
 */
export function giveToOwner(fs: FileSystem, fd: number, queueFile: string): Owner | undefined {
  try {
    const like = fs.stat(queueFile) ?? ownerIn(fs.stat(dirname(queueFile)) as Owner, fs.fstat(fd).mode);
    // Its owner can use it in any case.
    const owner = { uid: like.uid, gid: like.gid, mode: (like.mode & 0o777) | 0o600 };
    return give(fs, fd, owner) ? owner : undefined;
  } catch {
    // Not ours to give away.
    return undefined;
  }
}

/** Opens a folder that was just made, unless another thing has its place by now. */
function withFolder<T>(fs: FileSystem, folder: string, run: (fd: number) => T): T | undefined {
  let fd: number;
  try {
    fd = fs.open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch {
    return undefined;
  }
  try {
    return run(fd);
  } finally {
    fs.close(fd);
  }
}

/** The same as {@link giveToOwner}, for a folder. */
function giveFolderToOwner(fs: FileSystem, folder: string, queueFile: string): Owner | undefined {
  return withFolder(fs, folder, (fd) => giveToOwner(fs, fd, queueFile));
}

/** Makes a folder for the queue, unless it is there. @throws Node's errors */
export function makeFolder(fs: FileSystem, folder: string, queueFile: string): void {
  if (fs.stat(folder) !== undefined) return;
  fs.mkdir(folder, { mode: 0o770 });
  giveFolderToOwner(fs, folder, queueFile);
}

/** Makes a folder and those above it. Each new one belongs to the owner of the one above. @throws Node's errors */
export function makeFolders(fs: FileSystem, folder: string): void {
  if (fs.stat(folder) !== undefined) return;
  const parent = dirname(folder);
  makeFolders(fs, parent);
  try {
    fs.mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' && removeFolderOfRoot(fs, parent)) makeFolders(fs, folder);
    else if (code !== 'EEXIST' || fs.stat(folder) === undefined) throw error;
    return;
  }
  withFolder(fs, folder, (fd) => giveLikeFolder(fs, fd, parent));
}

/** Gives an open file or folder to the owner of another folder. */
export function giveLikeFolder(fs: FileSystem, fd: number, folder: string): void {
  try {
    const above = fs.stat(folder);
    if (above !== undefined) give(fs, fd, ownerIn(above, fs.fstat(fd).mode));
  } catch {
    // Not ours to give away.
  }
}

/** Removes a folder that has nothing in it. @returns whether it did */
export function removeEmpty(fs: FileSystem, folder: string): boolean {
  try {
    fs.rmdir(folder);
    return true;
  } catch {
    return false;
  }
}

/** Removes an empty folder of root's, where root was killed before it could give it away. @returns whether it did */
export function removeFolderOfRoot(fs: FileSystem, folder: string): boolean {
  return fs.stat(folder)?.uid === ROOT && removeEmpty(fs, folder);
}

/** The same for a file of root's that has nothing in it, or for its folder. */
export function removeHollowOfRoot(fs: FileSystem, path: string): boolean {
  if (removeFolderOfRoot(fs, dirname(path))) return true;
  try {
    const file = fs.stat(path);
    if (file?.uid !== ROOT || file.size !== 0) return false;
    fs.unlink(path);
    return true;
  } catch {
    return false;
  }
}

/** Gives a file that has taken the place of another to the owner of that one. @param before the one that was there */
export function giveReplaced(fs: FileSystem, path: string, before: FileInfo): void {
  let fd: number;
  try {
    fd = fs.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return;
  }
  try {
    const { ino, dev, mode } = fs.fstat(fd);
    // In the same file, owner and mode are what somebody has made of them on purpose.
    const isReplaced = ino !== before.ino || dev !== before.dev;
    if (isReplaced && (mode & S_IFMT) === S_IFREG) give(fs, fd, before);
  } catch {
    // Not ours to give away.
  } finally {
    fs.close(fd);
  }
}

/** The command that gives a file to the owner of its folder, for messages. */
export const chownCommand = ({ uid, gid }: Owner, ...paths: string[]): string =>
  `sudo chown -R ${uid}:${gid} ${paths.map((path) => (/[^\w/.,:@%+-]/.test(path) ? `'${path.replaceAll("'", `'\\''`)}'` : path)).join(' ')}`;

/** An error for a file of root's in the folder of another user; undefined where it is no such file. */
export function ofRootError(fs: FileSystem, path: string): TsvqError | undefined {
  const file = fs.stat(path);
  const folder = fs.stat(dirname(path));
  if (file?.uid !== ROOT || folder === undefined || folder.uid === ROOT) return undefined;
  return new TsvqError(
    'NO_ACCESS',
    `no permission for ${path} (EACCES): it belongs to root, its folder to user ${folder.uid}; give it back: ${chownCommand(folder, path)}`,
  );
}

/** Makes the tokens and folders of one lock. They look like the queue file. */
export class LockFiles {
  readonly #fs: FileSystem;
  readonly #queueFile: string;
  /** That of the queue file, where it is known that a usual one would not do. */
  #mode = 0o660;
  /** Whether what is made has to be given away. Looked at for each lock folder, and not for each token in it. */
  #needsGiving: boolean | undefined;

  constructor(fs: FileSystem, queueFile: string) {
    this.#fs = fs;
    this.#queueFile = queueFile;
  }

  /** The mode for a folder that is to be made. */
  get folderMode(): number {
    return enterable(this.#mode);
  }

  /** @throws Node's errors */
  makeToken(path: string): void {
    const fd = this.#fs.open(path, 'wx', this.#mode);
    try {
      if (this.#needsGiving !== false) this.#learn(giveToOwner(this.#fs, fd, this.#queueFile));
    } finally {
      this.#fs.close(fd);
    }
  }

  /** Gives away the lock's own folder, which was just made. */
  giveLockFolder(path: string): void {
    this.#learn(giveFolderToOwner(this.#fs, path, this.#queueFile));
  }

  /** Makes a folder in that of the lock. @throws Node's errors */
  makeFolder(path: string): void {
    this.#fs.mkdir(path, { mode: this.folderMode });
    if (this.#needsGiving !== false) this.giveLockFolder(path);
  }

  #learn(owner: Owner | undefined): void {
    this.#needsGiving = owner !== undefined;
    if (owner !== undefined) this.#mode = owner.mode;
  }
}
