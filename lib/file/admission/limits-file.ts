import { constants } from 'node:fs';
import { isWithin } from '../../job/clock.js';
import { TsvqError } from '../../job/errors.js';
import { assertWhole, type FileSystem, isRegular, readFully, removeIfThere, storeError } from '../disk/fs.js';
import { giveToOwner, removeEmptyFileOfRoot } from '../disk/ownership.js';
import { LF } from '../format/line.js';

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
/** Opens neither symlink nor pipe, because others can put one at this known name. */
const READ = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
const APPEND = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK;
/** The most bytes of lines that no longer count, besides as many as of those that count. */
const MOST_OLD = 4096;

/** How long the file counts as unusable after a failed write, in ms. Otherwise each pick would try again at once. */
const FAILED_MS = 1_000;

/** Closes a line that was cut, as in the queue file. Otherwise a part of its number could count as an earlier time. */
const TORN = '\t#torn\n';

/** Returns the name of a lane, as in the file: the type, and the group if the lane is a group of the type. */
export const laneName = (type: string, group: string): string => `${type}\t${group}`;

/**
 * The starts of jobs with a rate limit: `queue.tsv.limits`. All workers share it. A line says when the next start of a
 * lane would be on time: `type TAB group TAB seconds`. The last line of a lane counts. It is written under the lock,
 * before the claims. So a crash between the two wastes a start, and never allows one too many.
 *
 * The file isn't synced. If it is lost, each limit begins again. A rewrite leaves out the lines that no longer count.
 */
export class LimitsFile {
  readonly #fs: FileSystem;
  readonly #queueFile: string;
  readonly #path: string;
  readonly #isForWriting: boolean;
  #fd: number | undefined;
  /** The inode of the open file. */
  #ino = 0;
  /** Where the last line that was read ends. */
  #end = 0;
  /** The bytes of the fragment that follows, because a process was killed while it wrote. */
  #torn = 0;
  /** The bytes of lines that counted at the last look at all of them. */
  #live = 0;
  /** The last failed write. */
  #failure: { readonly error: unknown; readonly at: number } | undefined;
  /** When the next start of each lane would be on time, in ms. */
  readonly #times = new Map<string, number>();

  /** @param isForWriting false for a caller that only reads, which may lack the right to write */
  constructor(fs: FileSystem, queueFile: string, isForWriting: boolean = true) {
    this.#fs = fs;
    this.#queueFile = queueFile;
    this.#isForWriting = isForWriting;
    this.#path = `${queueFile}.limits`;
  }

  /**
   * Reads new lines.
   *
   * @throws TsvqError if the file can't be opened; for writing, unless it is only read. The error of a write that failed
   *   right before `now`
   */
  read(now: number = Number.POSITIVE_INFINITY): void {
    if (this.#failure !== undefined && isWithin(FAILED_MS, this.#failure.at, now)) throw this.#failure.error;
    try {
      const info = this.#fs.stat(this.#path);
      const isSame = this.#fd !== undefined && info?.ino === this.#ino && info.size >= this.#end;
      if (!isSame) this.close();
      // A symlink to nothing is refused here. The write is part of a commit, which would fail as a whole.
      if (info === undefined && this.#fs.readlink(this.#path) !== undefined) throw noFile(this.#path);
      if (info === undefined) return;
      this.#fd ??= this.#open(this.#isForWriting ? APPEND : READ);
      if (this.#fd !== undefined) this.#readOn(this.#fd, info.size);
    } catch (error) {
      this.close();
      throw storeError(error, this.#path);
    }
  }

  /** Returns when the next start of a lane would be on time, in ms; undefined if there was none lately. */
  timeOf(lane: string): number | undefined {
    return this.#times.get(lane);
  }

  /** Returns the lanes whose next start would be on time after `now`, each with that time. */
  *after(now: number): IterableIterator<[lane: string, time: number]> {
    for (const entry of this.#times) if (entry[1] > now) yield entry;
  }

  /** Writes the times of lanes. Call it only under the lock, after {@link read}. @throws TsvqError like the store's */
  write(times: ReadonlyMap<string, number>, now: number): void {
    for (const [lane, time] of times) this.#times.set(lane, time);
    try {
      if (this.#isMostlyOld(now)) this.#rewrite(now);
      else this.#append((this.#torn > 0 ? TORN : '') + linesOf(times));
    } catch (error) {
      this.close();
      this.#failure = { error: storeError(error, this.#path), at: now };
      throw this.#failure.error;
    }
  }

  /** Closes the file, and forgets what was read. */
  close(): void {
    if (this.#fd !== undefined) this.#fs.close(this.#fd);
    this.#fd = undefined;
    this.#end = 0;
    this.#live = 0;
    this.#torn = 0;
    this.#times.clear();
  }

  /** @returns undefined if there is no file after all */
  #open(flags: number, path: string = this.#path): number | undefined {
    let fd: number;
    try {
      fd = this.#fs.open(path, flags, 0o660);
    } catch (error) {
      // Root was killed before it could give the file away.
      const isDenied = this.#isForWriting && (error as NodeJS.ErrnoException).code === 'EACCES';
      if (isDenied && removeEmptyFileOfRoot(this.#fs, path)) return;
      throw error;
    }
    const info = this.#fs.fstat(fd);
    this.#ino = info.ino;
    if (isRegular(info)) return fd;
    this.#fs.close(fd);
    throw noFile(path);
  }

  #readOn(fd: number, size: number): void {
    if (size === this.#end) return;
    const bytes = Buffer.alloc(size - this.#end);
    const length = readFully(this.#fs, fd, bytes, this.#end);
    const end = bytes.lastIndexOf(LF, length - 1) + 1;
    for (const line of bytes.toString('utf8', 0, end).split('\n')) {
      const [type, group, seconds, ...others] = line.split('\t');
      const time = Number(seconds) * 1000;
      if (type !== undefined && group !== undefined && time > 0 && others.length === 0)
        this.#times.set(laneName(type, group), time);
    }
    this.#end += end;
    this.#torn = length - end;
  }

  #append(text: string): void {
    const bytes = Buffer.from(text);
    this.#fd ??= this.#make(this.#path, O_CREAT);
    assertWhole(this.#fs.writeSync(this.#fd, bytes, null), bytes);
    this.#end += this.#torn + bytes.length;
    this.#torn = 0;
  }

  #make(path: string, flags: number): number {
    const fd = this.#open(APPEND | flags, path) ?? this.#make(path, flags);
    giveToOwner(this.#fs, fd, this.#queueFile);
    return fd;
  }

  #isMostlyOld(now: number): boolean {
    if (this.#end <= 2 * this.#live + MOST_OLD) return false;
    this.#live = Buffer.byteLength(linesOf(this.after(now)));
    return this.#end > 2 * this.#live + MOST_OLD;
  }

  /** Replaces the file by one with the lines that count. Others notice the other inode. */
  #rewrite(now: number): void {
    const live = new Map(this.after(now));
    const temporary = `${this.#path}.tmp`;
    removeIfThere(this.#fs, temporary);
    this.close();
    this.#fd = this.#make(temporary, O_CREAT | O_EXCL);
    for (const [lane, time] of live) this.#times.set(lane, time);
    this.#append(linesOf(live));
    this.#live = this.#end;
    this.#fs.rename(temporary, this.#path);
  }
}

const noFile = (path: string): TsvqError =>
  new TsvqError('NO_ACCESS', `${path} is not a file; remove it, and the limits begin again`);

const linesOf = (times: Iterable<[lane: string, time: number]>): string =>
  // Rounded up, so that no start comes too early.
  [...times].map(([lane, time]) => `${lane}\t${Math.ceil(time * 1000) / 1e6}\n`).join('');
