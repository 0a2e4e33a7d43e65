import { constants } from 'node:fs';
import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import { type FileSystem, isRegular } from '../disk/fs.js';
import { giveToOwner, makeFolder, ofRootError, removeEmptyFileOfRoot } from '../disk/ownership.js';

/** The flags never follow a symlink, because other users can put one at these known names. */
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const CAREFUL = O_NOFOLLOW | O_NONBLOCK;

/** Opens a job's file for reading. @returns undefined if it is missing @throws TsvqError `WRITE_FAILED`, or Node's */
export const readJobFile = (fs: FileSystem, path: string): number | undefined =>
  openIfThere(fs, path, O_RDONLY | CAREFUL);

/** Opens a job's file for reading and appending. @returns undefined if it is missing @throws as {@link readJobFile} */
export const appendToJobFile = (fs: FileSystem, path: string): number | undefined => {
  try {
    return openIfThere(fs, path, O_RDWR | O_APPEND | CAREFUL);
  } catch (error) {
    // Root was killed before it could give the file away.
    if (isDenied(error) && removeEmptyFileOfRoot(fs, path)) return undefined;
    throw ofRootError(fs, path) ?? error;
  }
};

/**
 * Opens a job's file for reading and appending, and makes it if it is missing. It gets the queue file's owner and mode.
 * Another process may make it at the same time.
 *
 * @throws TsvqError `WRITE_FAILED`, `NO_ACCESS`, or Node's
 */
export function createJobFile(fs: FileSystem, path: string, queueFile: string): number {
  const create = (): number => {
    makeFolderIfMissing(fs, dirname(path), queueFile);
    return fs.open(path, O_RDWR | O_APPEND | O_CREAT | CAREFUL, 0o660);
  };
  let fd: number;
  try {
    fd = create();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The folder was removed meanwhile, because it was empty; or root was killed before it could give the file away.
    const canTryAgain = code === 'ENOENT' || (isDenied(error) && removeEmptyFileOfRoot(fs, path));
    if (!canTryAgain) throw ofRootError(fs, path) ?? ofRootError(fs, dirname(path)) ?? error;
    fd = create();
  }
  if (checked(fs, fd, path).size === 0) giveToOwner(fs, fd, queueFile);
  return fd;
}

function openIfThere(fs: FileSystem, path: string, flags: number): number | undefined {
  try {
    const fd = fs.open(path, flags);
    checked(fs, fd, path);
    return fd;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Closes and refuses what isn't a regular file. */
function checked(fs: FileSystem, fd: number, path: string) {
  const info = fs.fstat(fd);
  if (isRegular(info)) return info;
  fs.close(fd);
  throw new TsvqError('WRITE_FAILED', `${path} is not a regular file; remove it, and try again`);
}

function makeFolderIfMissing(fs: FileSystem, folder: string, queueFile: string): void {
  try {
    makeFolder(fs, folder, queueFile);
  } catch (error) {
    // Another process has made it at the same time; otherwise its name is a link that leads nowhere.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && fs.stat(folder) !== undefined) return;
    throw error;
  }
}

const isDenied = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EACCES';
