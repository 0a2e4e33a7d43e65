import { dirname } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import { type FileSystem, readFully } from './fs.js';
import type { OpenFile } from './open-file.js';

/*
 * Finds queue files that can't be written safely. A compaction replaces the file, and the lock is beside it.
 * Both work only if all processes share the folder. A container that mounts the file alone shares neither. If
 * the file was replaced outside, rows that the container appends are in no queue.
 */

const MOUNTS = '/proc/self/mountinfo';
const MOUNT_FOLDER = "Mount the file's folder instead of the file, and open the queue in it.";

/** Returns why a queue file must not be written in its place; undefined if it may be written. */
export function detachment(fs: FileSystem, { path }: Pick<OpenFile, 'path'>): string | undefined {
  // Ask the path, not the open file, because a compaction may just have replaced the open file.
  if (fs.stat(path)?.nlink === 0) {
    return (
      `${path} is a file that is in no folder any more: it is mounted by itself, and was replaced or deleted ` +
      `where it came from. ${MOUNT_FOLDER}`
    );
  }
  if (!isMountPoint(fs, path)) return undefined;
  return (
    `${path} is mounted by itself: a compaction can't replace it, and processes that use the folder it comes from ` +
    `have another lock. ${MOUNT_FOLDER}`
  );
}

/** Refuses to write to a file if {@link detachment} returns a reason. @throws TsvqError `DETACHED` */
export function refuseDetached(fs: FileSystem, file: OpenFile): void {
  const problem = detachment(fs, file);
  if (problem !== undefined) throw new TsvqError('DETACHED', `nothing was written: ${problem}`);
}

/** Returns the error of a rename, or of a check before it, for a file that is itself a mount point. */
export const isMounted = (path: string, cause: unknown): TsvqError =>
  new TsvqError(
    'DETACHED',
    `${path} is mounted by itself, and can't be replaced; it is as it was. ${MOUNT_FOLDER}`,
    {
      cause,
    },
  );

/** True if something is mounted at a path; always false on systems other than Linux, which don't tell. */
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

/** Writes a path as mountinfo does; see proc(5). */
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

/** The folder in which a process found its queue. */
export interface Home {
  readonly dev: number;
  readonly ino: number;
  /** Needed because the system soon uses a removed folder's `ino` again. */
  readonly birthtimeMs: number;
}

/**
 * Refuses to make a queue again after its folder was taken away. Otherwise acknowledged jobs would be where
 * no process looks, or in the way of the folder when it comes back.
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
