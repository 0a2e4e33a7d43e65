import { constants } from 'node:fs';
import { type FileSystem, isRegular, readFully } from '../disk/fs.js';
import { giveToOwner, makeFolder, removeEmptyFileOfRoot } from '../disk/ownership.js';
import { LF } from '../format/line.js';
import { jobFolder, logPath } from './file-names.js';

/** Never follows a link, because other users can put one at this known name. */
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
const FLAGS = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;

/** Where logs are, and how long they get. */
export interface LogPlace {
  readonly fs: FileSystem;
  /** The real path of the queue file. */
  readonly queueFile: string;
  /** The most bytes of a log. Then it gets `.1` after its name, and a new one begins. */
  readonly maxLog: number;
}

/**
 * The log of a job, open for appends. Several processes may append to it: a new attempt may run beside a handler that
 * ignored its abort.
 */
export class LogFile {
  readonly path: string;
  readonly #place: LogPlace;
  #fd: number | undefined;
  /** True if the file ends in the middle of a line. */
  #isTorn = false;

  constructor(place: LogPlace, id: string) {
    this.#place = place;
    this.path = logPath(place.queueFile, id);
  }

  /**
   * Appends whole lines with one write. It isn't synced, because a log may be lost.
   *
   * @param lines at most `maxLog` bytes
   * @throws Node's errors; then a part of the lines may be in the file
   */
  append(lines: Buffer): void {
    const { fs, maxLog } = this.#place;
    let fd = this.#open();
    const { size } = fs.fstat(fd);
    if (size > 0 && size + lines.length > maxLog) {
      this.#rotate(fd);
      fd = this.#open();
    }
    const bytes = this.#isTorn ? Buffer.concat([Buffer.of(LF), lines]) : lines;
    const written = fs.writeSync(fd, bytes, null);
    this.#isTorn = written > 0 ? bytes[written - 1] !== LF : this.#isTorn;
    if (written < bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
  }

  /** Closes the file. The next {@link append} opens it again. */
  close(): void {
    if (this.#fd === undefined) return;
    this.#place.fs.close(this.#fd);
    this.#fd = undefined;
  }

  #open(): number {
    this.#fd ??= this.#openPath();
    return this.#fd;
  }

  #openPath(): number {
    const { fs, queueFile } = this.#place;
    const open = (): number => fs.open(this.path, FLAGS, 0o660);
    let fd: number;
    try {
      fd = open();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Root may have been killed before it could give the file away.
      const isInTheWay = code === 'EACCES' && removeEmptyFileOfRoot(fs, this.path);
      if (code !== 'ENOENT' && !isInTheWay) throw error;
      makeFolder(fs, jobFolder(queueFile, 'logs'), queueFile);
      fd = open();
    }
    try {
      const info = fs.fstat(fd);
      if (!isRegular(info)) throw Object.assign(new Error('not a file'), { code: 'EISDIR' });
      if (info.size === 0) giveToOwner(fs, fd, queueFile);
      this.#isTorn = info.size > 0 && lastByte(fs, fd, info.size) !== LF;
      return fd;
    } catch (error) {
      fs.close(fd);
      throw error;
    }
  }

  /** Lets the next append begin a new file. If another process did so before, this one only changes over. */
  #rotate(fd: number): void {
    const { fs } = this.#place;
    const [mine, named] = [fs.fstat(fd), fs.stat(this.path)];
    // Two processes may do this at once, and lose half of the log. That is not worth a lock.
    if (named?.ino === mine.ino && named.dev === mine.dev) fs.rename(this.path, `${this.path}.1`);
    this.close();
  }
}

function lastByte(fs: FileSystem, fd: number, size: number): number | undefined {
  const byte = Buffer.alloc(1);
  readFully(fs, fd, byte, size - 1);
  return byte[0];
}
