import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import { type FileInfo, type FileSystem, isRegular } from './fs.js';

/*
 * Each file and folder made for a queue gets the queue file's owner, group and mode. Otherwise a file of root's
 * would shut out all other users of the queue, and a narrow umask would shut out other users of the group.
 *
 * Root may be killed before it could give a file or folder away. That one is empty then, in a folder of the
 * queue's owner. So the next process removes it and makes its own.
 */

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, S_IFDIR, S_IFMT } = constants;
/** The mode of a folder that a group shares: the group may write there, and new files there belong to it. */
const SHARED = 0o2020;
export const ROOT = 0;

/** The owner of a file or folder, and its mode. */
export type Owner = Pick<FileInfo, 'uid' | 'gid' | 'mode'>;

/** Adds the right to enter a folder for all that may read it. */
const enterable = (mode: number): number => mode | ((mode & 0o444) >> 2);

/** Returns the owner for a new file if there is no queue file. @param mode that the system has given the new file */
export function ownerIn(folder: Owner, mode: number): Owner {
  const isShared = (folder.mode & SHARED) === SHARED;
  return { uid: folder.uid, gid: folder.gid, mode: isShared ? mode | 0o060 : mode };
}

/**
 * Gives an open file or folder to an owner, as far as the system allows.
 *
 * @returns true if anything has changed
 */
export function give(fs: FileSystem, fd: number, owner: Owner): boolean {
  const { uid, gid, ...made } = fs.fstat(fd);
  const mode = made.mode & 0o7777;
  const isFolder = (made.mode & S_IFMT) === S_IFDIR;
  // The system sets a folder's setgid bit, and that stays.
  const wanted = isFolder ? (mode & 0o7000) | enterable(owner.mode & 0o777) : owner.mode & 0o7777;
  const chmod = (from: number, to: number): boolean => {
    if (from !== to) fs.fchmod(fd, to);
    return from !== to;
  };
  // First remove rights, so that the new group never has more for a moment.
  const narrow = mode & wanted;
  const isNarrowed = chmod(mode, narrow);
  const isGiven = chown(fs, fd, { uid, gid }, owner);
  // If its group can't be changed, that group gets no more than the system gave it.
  const isOfGroup = isGiven || gid === owner.gid;
  const isWidened = chmod(narrow, isOfGroup ? wanted : (wanted & ~0o070) | (narrow & 0o070));
  return isNarrowed || isGiven || isWidened;
}

/** Changes the owner: root may do that, others only to one of their groups. @returns true if it was given */
function chown(fs: FileSystem, fd: number, from: Omit<Owner, 'mode'>, to: Omit<Owner, 'mode'>): boolean {
  for (const uid of new Set([to.uid, from.uid])) {
    if (uid === from.uid && to.gid === from.gid) return false;
    try {
      fs.fchown(fd, uid, to.gid);
      return true;
    } catch {
      // This process may not give it away.
    }
  }
  return false;
}

/**
 * Gives a new file or folder to the queue file's owner; without a queue file yet, to the owner of its folder.
 *
 * @returns the owner, if anything was changed
 */
export function giveToOwner(fs: FileSystem, fd: number, queueFile: string): Owner | undefined {
  try {
    const like = fs.stat(queueFile) ?? ownerIn(fs.stat(dirname(queueFile)) as Owner, fs.fstat(fd).mode);
    // The owner can read and write the new file in any case.
    const owner = { uid: like.uid, gid: like.gid, mode: (like.mode & 0o777) | 0o600 };
    return give(fs, fd, owner) ? owner : undefined;
  } catch {
    // This process may not give it away.
    return undefined;
  }
}

/** Opens a path for `run`. Does nothing if that is denied, or something else has its place by now. */
function withOpen<T>(fs: FileSystem, path: string, flags: number, run: (fd: number) => T): T | undefined {
  try {
    const fd = fs.open(path, O_RDONLY | O_NOFOLLOW | flags);
    try {
      return run(fd);
    } finally {
      fs.close(fd);
    }
  } catch {
    // This process may not give it away.
    return undefined;
  }
}

/** Gives a new folder to the owner of the queue file. */
const giveFolderToOwner = (fs: FileSystem, folder: string, queueFile: string): Owner | undefined =>
  withOpen(fs, folder, O_DIRECTORY, (fd) => giveToOwner(fs, fd, queueFile));

/** Makes a folder for the queue, unless it exists. @throws Node's errors */
export function makeFolder(fs: FileSystem, folder: string, queueFile: string): void {
  if (fs.stat(folder) !== undefined) return;
  fs.mkdir(folder, { mode: 0o770 });
  giveFolderToOwner(fs, folder, queueFile);
}

/** Makes a folder and its parents. Each new folder gets the owner of its parent. @throws Node's errors */
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
  withOpen(fs, folder, O_DIRECTORY, (fd) => giveLikeFolder(fs, fd, parent));
}

/** Gives an open file or folder to the owner of another folder. */
export function giveLikeFolder(fs: FileSystem, fd: number, folder: string): void {
  try {
    const above = fs.stat(folder);
    if (above !== undefined) give(fs, fd, ownerIn(above, fs.fstat(fd).mode));
  } catch {
    // This process may not give it away.
  }
}

/** Removes a folder if it is empty. @returns true if the folder was removed */
export function removeEmpty(fs: FileSystem, folder: string): boolean {
  try {
    fs.rmdir(folder);
    return true;
  } catch {
    return false;
  }
}

/** Removes an empty folder of root's, because root was killed before giving it away. @returns true if removed */
export function removeFolderOfRoot(fs: FileSystem, folder: string): boolean {
  return fs.stat(folder)?.uid === ROOT && removeEmpty(fs, folder);
}

/** Removes an empty file of root's, or an empty folder of root's in which it would be. @returns true if removed */
export function removeEmptyFileOfRoot(fs: FileSystem, path: string): boolean {
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

/** Gives a file that has replaced another to the replaced file's owner. @param before the replaced file */
export function giveReplaced(fs: FileSystem, path: string, before: FileInfo): void {
  withOpen(fs, path, O_NONBLOCK, (fd) => {
    const now = fs.fstat(fd);
    // If it is the same file, its owner and mode were changed on purpose.
    const isReplaced = now.ino !== before.ino || now.dev !== before.dev;
    if (isReplaced && isRegular(now)) give(fs, fd, before);
  });
}

/** Returns the command, for messages, that gives files to an owner. */
export const chownCommand = ({ uid, gid }: Owner, ...paths: string[]): string =>
  `sudo chown -R ${uid}:${gid} ${paths.map((path) => (/[^\w/.,:@%+-]/.test(path) ? `'${path.replaceAll("'", `'\\''`)}'` : path)).join(' ')}`;

/** Returns an error for a file of root's in another user's folder; undefined for other files. */
export function ofRootError(fs: FileSystem, path: string): TsvqError | undefined {
  const file = fs.stat(path);
  const folder = fs.stat(dirname(path));
  if (file?.uid !== ROOT || folder === undefined || folder.uid === ROOT) return undefined;
  return new TsvqError(
    'NO_ACCESS',
    `no permission for ${path} (EACCES): it belongs to root, its folder to user ${folder.uid}; give it back: ${chownCommand(folder, path)}`,
  );
}

/** Makes the tokens and folders of one lock, with the queue file's owner and mode. */
export class LockFiles {
  readonly #fs: FileSystem;
  readonly #queueFile: string;
  /** The mode of new files: the queue file's, once it is known that the usual one is wrong. */
  #mode = 0o660;
  /** True if new files must be given away. This is learned for each lock folder, not for each token in it. */
  #needsGiving: boolean | undefined;

  constructor(fs: FileSystem, queueFile: string) {
    this.#fs = fs;
    this.#queueFile = queueFile;
  }

  /** The mode for a new folder. */
  get folderMode(): number {
    return enterable(this.#mode);
  }

  /** Makes a token. @throws Node's errors */
  makeToken(path: string): void {
    const fd = this.#fs.open(path, 'wx', this.#mode);
    try {
      if (this.#needsGiving !== false) this.#learn(giveToOwner(this.#fs, fd, this.#queueFile));
    } finally {
      this.#fs.close(fd);
    }
  }

  /** Gives a new folder of the lock to the queue file's owner. */
  giveLockFolder(path: string): void {
    this.#learn(giveFolderToOwner(this.#fs, path, this.#queueFile));
  }

  /** Makes a folder inside the lock's. @throws Node's errors */
  makeFolder(path: string): void {
    this.#fs.mkdir(path, { mode: this.folderMode });
    if (this.#needsGiving !== false) this.giveLockFolder(path);
  }

  #learn(owner: Owner | undefined): void {
    this.#needsGiving = owner !== undefined;
    if (owner !== undefined) this.#mode = owner.mode;
  }
}
