import { constants } from 'node:fs';
import { newestProgress } from '../../job/log-line.js';
import type { Progress } from '../../job/progress.js';
import { type FileInfo, type FileSystem, isRegular, readFully } from '../disk/fs.js';
import { LF } from '../format/line.js';
import { logPath } from './file-names.js';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** How much of a log's end is read for the newest progress: the second, if the first has none. */
const ENDS = [4096, 64 * 1024];

/** A log, open to be read. */
export interface Opened {
  readonly fd: number;
  readonly info: FileInfo;
}

/** Opens a file; undefined if it is missing, or something else than a file. @throws Node's errors, without access */
export function openLog(fs: FileSystem, path: string): Opened | undefined {
  let fd: number;
  try {
    fd = fs.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
  const info = fs.fstat(fd);
  if (isRegular(info)) return { fd, info };
  fs.close(fd);
  return undefined;
}

/** Reads the last bytes of an open file. */
function endOf(fs: FileSystem, { fd, info }: Opened, bytes: number): Buffer {
  const end = Buffer.alloc(Math.min(bytes, info.size));
  return end.subarray(0, readFully(fs, fd, end, info.size - end.length));
}

/**
 * Returns the newest whole lines of a job's log; '' if there is none.
 *
 * @param most how many bytes at most
 * @throws Node's errors, without access to the log
 */
export function readLog(fs: FileSystem, queueFile: string, id: string, most: number): string {
  const path = logPath(queueFile, id);
  const files: Opened[] = [];
  try {
    const newer = openLog(fs, path);
    if (newer !== undefined) files.push(newer);
    const older = openLog(fs, `${path}.1`);
    // Between the two, the file may have become the older one. Then the newer lines are in another file by now.
    if (older !== undefined) files.push(older);
    if (newer !== undefined && newer.info.ino === older?.info.ino) {
      const newest = openLog(fs, path);
      files.shift();
      fs.close(newer.fd);
      if (newest !== undefined) files.unshift(newest);
    }
    let left = most + 1;
    const pieces: Buffer[] = [];
    for (const file of files) {
      const piece = endOf(fs, file, left);
      left -= piece.length;
      // A crash may have cut the last line of the older file.
      const isCut = file !== files[0] && piece.length > 0 && piece.at(-1) !== LF;
      pieces.unshift(...(isCut ? [piece, Buffer.of(LF)] : [piece]));
    }
    return wholeLines(Buffer.concat(pieces), most);
  } finally {
    for (const { fd } of files) fs.close(fd);
  }
}

/** Returns the whole lines among the last bytes of a text. @param bytes with one byte more, which tells if a line begins */
function wholeLines(bytes: Buffer, most: number): string {
  const from = bytes.length > most ? bytes.indexOf('\n') + 1 : 0;
  const to = bytes.lastIndexOf('\n') + 1;
  return bytes.toString('utf8', bytes.length > most && from === 0 ? to : from, to);
}

/** Returns the newest progress that a running attempt has told; undefined if there is none, or it can't be read. */
export function readProgress(
  fs: FileSystem,
  queueFile: string,
  id: string,
  attempt: number,
): Progress | undefined {
  try {
    const log = openLog(fs, logPath(queueFile, id));
    if (log === undefined) return undefined;
    try {
      for (const bytes of ENDS) {
        const found = newestProgress(endOf(fs, log, bytes).toString('utf8'), attempt);
        if (found !== undefined || log.info.size <= bytes) return found;
      }
    } finally {
      fs.close(log.fd);
    }
  } catch {
    // Whether the job runs doesn't depend on its log.
  }
  return undefined;
}
