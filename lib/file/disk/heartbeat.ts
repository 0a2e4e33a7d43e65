import { constants } from 'node:fs';
import { isWithin } from '../../job/clock.js';
import { isName } from '../../job/name.js';
import { type FileSystem, isRegular, storeError } from './fs.js';
import { giveToOwner } from './ownership.js';

/** Too little room on the queue's disk, as a worker found it; in bytes. */
export interface ShortOfRoom {
  /** ms since 1970. */
  readonly at: number;
  readonly free: number;
  /** The option of the worker's queue. */
  readonly minFree: number;
}

/** The heartbeat that a worker writes to `queue.tsv.tick` after it looked at the queue. */
export interface Heartbeat {
  /** ms since 1970. */
  at: number;
  /** Types of due jobs without a handler. */
  unhandled: string[];
  /** When a worker last left due jobs because `maxWorkers` others were at work, in ms since 1970. */
  crowdedOutAt?: number | undefined;
  /** When a worker last started nothing because the disk had too little room. */
  shortOfRoom?: ShortOfRoom | undefined;
}

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** Opens neither symlink nor pipe, because other users can put one at this known name. */
const ONLY_THERE = O_NOFOLLOW | O_NONBLOCK;
const MOST_BYTES = 64 * 1024;

/**
 * Writes a line with the time in Unix seconds, then a line for each type without a handler, and one if due
 * jobs found no place, or the disk had too little room. It leaves out invalid types from edits by hand, because no handler can have them, and
 * they may have any length. The heartbeat isn't synced, and may be lost.
 *
 * The file gets no shorter, because cutting it costs more than all the rest. Empty lines overwrite old ones.
 *
 * @returns true if the file had no heartbeat yet
 */
export function writeHeartbeat(fs: FileSystem, queueFile: string, heartbeat: Heartbeat): boolean {
  const { at, unhandled, crowdedOutAt, shortOfRoom: short } = heartbeat;
  const lines = [(at / 1000).toFixed(3), ...unhandled.filter(isName).map((type) => `no handler\t${type}`)];
  if (crowdedOutAt !== undefined) lines.push(`no place\t${(crowdedOutAt / 1000).toFixed(3)}`);
  if (short !== undefined)
    lines.push(`no room\t${(short.at / 1000).toFixed(3)}\t${short.free}\t${short.minFree}`);
  try {
    const fd = openTick(fs, `${queueFile}.tick`);
    try {
      giveToOwner(fs, fd, queueFile);
      const text = Buffer.from(`${lines.join('\n')}\n`);
      const { size } = fs.fstat(fd);
      const bytes = Buffer.alloc(Math.max(text.length, Math.min(size, MOST_BYTES)), '\n');
      text.copy(bytes);
      fs.writeSync(fd, bytes, 0);
      return size === 0;
    } finally {
      fs.close(fd);
    }
  } catch {
    // Without a heartbeat the worker still works; `queue check` reports it.
    return false;
  }
}

function openTick(fs: FileSystem, path: string): number {
  const open = (): number => fs.open(path, O_WRONLY | O_CREAT | ONLY_THERE, 0o660);
  try {
    return open();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    // Root was killed before it could give the file away. Only the folder decides if the file may be removed.
    fs.unlink(path);
    return open();
  }
}

/** Reads the last heartbeat. @returns undefined if there is none, or it can't be read */
export function readHeartbeat(fs: FileSystem, queueFile: string): Heartbeat | undefined {
  if (fs.stat(`${queueFile}.tick`) === undefined) return undefined;
  let fd: number;
  try {
    fd = fs.open(`${queueFile}.tick`, O_RDONLY | ONLY_THERE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') return undefined;
    throw storeError(error, `${queueFile}.tick`);
  }
  try {
    if (!isRegular(fs.fstat(fd))) return undefined;
    const bytes = Buffer.alloc(MOST_BYTES);
    const lines = bytes.toString('utf8', 0, fs.readSync(fd, bytes, bytes.length, 0)).split('\n');
    const at = Number(lines[0]) * 1000;
    if (!(at > 0)) return undefined;
    const unhandled = lines.flatMap((line) => line.match(/^no handler\t(.*)$/)?.[1] ?? []);
    const [noPlace] = lines.flatMap((line) => line.match(/^no place\t([\d.]+)$/)?.[1] ?? []);
    const [time, free, minFree] = lines.flatMap(
      (line) => line.match(/^no room\t([\d.]+)\t(\d+)\t(\d+)$/)?.slice(1) ?? [],
    );
    return {
      at,
      unhandled,
      ...(noPlace !== undefined && { crowdedOutAt: Number(noPlace) * 1000 }),
      ...(time !== undefined && {
        shortOfRoom: { at: Number(time) * 1000, free: Number(free), minFree: Number(minFree) },
      }),
    };
  } finally {
    fs.close(fd);
  }
}

/** How long a heartbeat counts that says that a worker left due jobs, in ms; cron starts a worker each minute. */
const LATELY_MS = 90_000;

/** Returns when a worker left due jobs because too many others were at work; undefined if not lately. */
export const crowdedOutLately = (heartbeat: Heartbeat | undefined, now: number): number | undefined =>
  isWithin(LATELY_MS, heartbeat?.crowdedOutAt ?? Number.NEGATIVE_INFINITY, now)
    ? heartbeat?.crowdedOutAt
    : undefined;

/** Returns the shortage of room that a worker found; undefined if none did lately. */
export const shortOfRoomLately = (heartbeat: Heartbeat | undefined, now: number): ShortOfRoom | undefined =>
  isWithin(LATELY_MS, heartbeat?.shortOfRoom?.at ?? Number.NEGATIVE_INFINITY, now)
    ? heartbeat?.shortOfRoom
    : undefined;
