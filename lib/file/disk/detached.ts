import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import { type FileSystem, readFully } from './fs.js';
import type { OpenFile } from './open-file.js';

/*
 * Where a queue file can't be written safely. A compaction puts a new file in the place of the old one, and the lock
 * stands beside the file: both work only if all processes share the folder. A container that mounts the file alone
 * shares neither. What it appends to a file that was replaced outside is in no queue.
 */

const MOUNTS = '/proc/self/mountinfo';
const MOUNT_FOLDER = "Mount the file's folder instead of the file, and open the queue in it.";

/** Why a queue file must not be written where it stands; undefined if it may be. */
export function detachment(fs: FileSystem, { path }: Pick<OpenFile, 'path'>): string | undefined {
  // Of the path, not of the open file: that one may just have been replaced by a compaction.
  if (fs.stat(path)?.nlink === 0) {
    return (
      `${path} is a file that no folder holds any more: it is mounted by itself, and was replaced or deleted ` +
      `where it came from. ${MOUNT_FOLDER}`
    );
  }
  if (!isMountPoint(fs, path)) return undefined;
  return (
    `${path} is mounted by itself: it can't be replaced by a compaction, and its lock is not that of those who use ` +
    `the folder it comes from. ${MOUNT_FOLDER}`
  );
}

/** Lets nothing be written to a file that {@link detachment} has something to say about. @throws TsvqError `DETACHED` */
export function refuseDetached(fs: FileSystem, file: OpenFile): void {
  const problem = detachment(fs, file);
  if (problem !== undefined) throw new TsvqError('DETACHED', `nothing was written: ${problem}`);
}

/** What a rename says, or a check before it, where another file system is mounted at the very file. */
export const isMounted = (path: string, cause: unknown): TsvqError =>
  new TsvqError(
    'DETACHED',
    `${path} is mounted by itself, and can't be replaced; it is as it was. ${MOUNT_FOLDER}`,
    {
      cause,
    },
  );

/** Whether something is mounted at a path. Only Linux tells. */
function isMountPoint(fs: FileSystem, path: string): boolean {
  let mounts: string;
  try {
    mounts = readWhole(fs, MOUNTS);
  } catch {
    return false;
  }
  return (
    mounts.includes(` ${escaped(path)} `) &&
    mounts.split('\n').some((line) => line.split(' ')[4] === escaped(path))
  );
}

/** As the kernel writes a path there: proc(5). */
const escaped = (path: string): string =>
  path.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);

function readWhole(fs: FileSystem, path: string): string {
  const fd = fs.open(path, 'r');
  try {
    for (let size = 16 * 1024; ; size *= 4) {
      const bytes = Buffer.allocUnsafe(size);
      const length = readFully(fs, fd, bytes, 0);
      if (length < size) return bytes.toString('utf8', 0, length);
    }
  } finally {
    fs.close(fd);
  }
}

/** The folder in which a process has found a queue. */
export interface Home {
  readonly dev: number;
  readonly ino: number;
  /** A number is given to another folder soon after the first one is gone. */
  readonly birthtimeMs: number;
}

/**
 * Lets no process make a queue again after its folder was taken away: what it acknowledged there would be where nobody
 * looks, or hide what comes back to the place.
 *
 * @throws TsvqError `DETACHED`
 */
export function refuseOtherHome(fs: FileSystem, path: string, home: Home | undefined): void {
  if (home === undefined) return;
  const folder = dirname(path);
  const now = fs.stat(folder);
  const isSame = now?.dev === home.dev && now.ino === home.ino && now.birthtimeMs === home.birthtimeMs;
  if (isSame) return;
  throw new TsvqError(
    'DETACHED',
    `nothing was written: the folder ${folder}, in which this process has had its queue open, ` +
      `${now === undefined ? 'is gone' : 'is another one now, without a queue in it'}. ` +
      'Put it back, or restart this process to begin a new queue.',
  );
}
