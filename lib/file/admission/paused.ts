import { constants } from 'node:fs';
import { isName } from '../../job/name.js';
import { type FileSystem, readFully, storeError } from '../disk/fs.js';
import { unescapeText } from '../format/text.js';
import type { TypeRule } from './rule.js';

/** The name that stands for all types. */
export const ALL_TYPES = '*';

/** A pause. While it lasts, no worker starts a job of its type. */
export interface Pause {
  /** A job type, or `*` for all. */
  type: string;
  /** When the pause began. */
  since: Date;
  /** When the pause ends by itself; undefined if a person must end it. */
  until: Date | undefined;
  /** The person or program that asked for the pause. */
  by: string | undefined;
}

/** Reads `queue.tsv.paused`, which has one line for each pause. @returns the lines, without their LF */
export function pauseLines(fs: FileSystem, queueFile: string): string[] {
  const path = `${queueFile}.paused`;
  if (fs.stat(path) === undefined) return [];
  try {
    // Follows no symlink and waits for no pipe, because others can put one at this known name.
    const fd = fs.open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const bytes = Buffer.alloc(fs.fstat(fd).size);
      return bytes
        .toString('utf8', 0, readFully(fs, fd, bytes, 0))
        .split('\n')
        .filter((line) => line !== '');
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw storeError(error, path);
  }
}

/** Reads a line of `queue.tsv.paused`: type, since, until, by. @returns undefined if it isn't a pause */
export function parsePause(line: string): Pause | undefined {
  const [type, since, until = '', by = ''] = line.trimEnd().split('\t');
  if (!isName(type) || !(Number(since) > 0) || !(until === '' || Number(until) > 0)) return undefined;
  return {
    type,
    since: new Date(Number(since) * 1000),
    until: until === '' ? undefined : new Date(Number(until) * 1000),
    by: by === '' ? undefined : unescapeText(by),
  };
}

/** Returns the pauses in these lines that have not ended at `now`, in ms since 1970. */
export const pausesAt = (lines: readonly string[], now: number): Pause[] =>
  lines
    .map(parsePause)
    .filter((pause) => pause !== undefined)
    .filter(({ until }) => until === undefined || until.getTime() > now);

/** Returns a function that is true for a type whose jobs don't start because of these pauses. */
export function pausedTypes(pauses: readonly Pause[]): (type: string) => boolean {
  const types = new Set(pauses.map(({ type }) => type));
  return (type) => types.has(type) || types.has(ALL_TYPES);
}

/** Reads the pauses of a queue that have not ended at `now`, in ms since 1970. */
export const readPauses = (fs: FileSystem, queueFile: string, now: number): Pause[] =>
  pausesAt(pauseLines(fs, queueFile), now);

/** A job of a paused type waits until the pause ends. The file is read each time, because a pause counts at once. */
export const paused: TypeRule = {
  name: 'paused',
  open: ({ worker: { store }, now }) => {
    const isPaused = pausedTypes(readPauses(store.fs, store.realPath, now));
    return (type) => !isPaused(type);
  },
};
