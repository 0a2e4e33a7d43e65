import { constants } from 'node:fs';
import { TsvqError } from '../../job/errors.js';
import { FORMAT } from '../format/format.js';
import type { Layout } from '../format/layout.js';
import { eachLine, LF } from '../format/line.js';
import { type FileInfo, type FileSystem, isRegular, readFully, SMALL } from './fs.js';
import { type Head, readHead } from './head.js';
import { ofRootError } from './ownership.js';

/** Size of the pieces in which large files are read. */
const BLOCK = 512 * 1024;
const { O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/**
 * One inode of the queue file, open for reading and appending. When a compaction replaces it, a new OpenFile
 * is made. The old one stays open until its last reader releases it, so that its inode number can't be used
 * again meanwhile.
 */
export class OpenFile {
  readonly fd: number;
  readonly path: string;
  /** False if this process may only read it. */
  readonly writable: boolean;
  readonly layout: Layout;
  /** The number of the file format; 1 if the file names none. */
  readonly format: number;
  /** Where the next line begins after the header, or after the format line if that follows the header. */
  readonly start: number;
  /** The file's state when it was opened. */
  readonly info: FileInfo;
  readonly #fs: FileSystem;
  readonly #hasFormatLine: boolean;
  #strikeFd: number | undefined;
  #users = 1;
  #closed = false;

  /** Opens a file. @returns undefined if missing or empty @throws TsvqError `NOT_A_QUEUE`, or Node's */
  static open(fs: FileSystem, path: string): OpenFile | undefined {
    const opened = openExisting(fs, path);
    if (opened === undefined) return undefined;
    try {
      // O_NONBLOCK opens a pipe or device without waiting; neither is a queue.
      if (!isRegular(fs.fstat(opened.fd))) {
        throw new TsvqError(
          'NOT_A_QUEUE',
          `${path} is not a regular file; name a regular file, or a new one`,
        );
      }
      const head = readHead(fs, opened.fd, path);
      if (head !== undefined) return new OpenFile(fs, path, opened, head);
    } catch (error) {
      fs.close(opened.fd);
      throw error;
    }
    fs.close(opened.fd);
    return undefined;
  }

  private constructor(fs: FileSystem, path: string, { fd, writable }: Opened, head: Head) {
    this.#fs = fs;
    this.path = path;
    this.fd = fd;
    this.writable = writable;
    this.layout = head.layout;
    this.format = head.format;
    this.start = head.start;
    this.#hasFormatLine = head.hasFormatLine;
    this.info = fs.fstat(fd);
  }

  /** False if a compaction must bring the file to the format of this tsvq before rows are appended. */
  get isUpToDate(): boolean {
    return this.layout.current && this.format === FORMAT && this.#hasFormatLine;
  }

  /** Number of lines before the first row: the header, and the format line. */
  get headLines(): number {
    return this.#hasFormatLine ? 2 : 1;
  }

  /** False if the file had lost its last name, although its path still leads to it; see detached.ts. */
  get isNamed(): boolean {
    return this.info.nlink > 0;
  }

  /** The file's size now. */
  get size(): number {
    return this.#fs.fstat(this.fd).size;
  }

  /** True if the path still names this inode, and the file still has its header (it may have been emptied). */
  isCurrent(): boolean {
    const now = this.#fs.stat(this.path);
    if (now === undefined || now.ino !== this.info.ino || now.dev !== this.info.dev) return false;
    return now.size >= this.start && now.nlink > 0 === this.isNamed;
  }

  /** The descriptor for writes in place, because the one for appending ignores the position. */
  get strikeFd(): number {
    if (this.#strikeFd === undefined) {
      const fd = this.#fs.open(this.path, 'r+');
      if (this.#fs.fstat(fd).ino !== this.info.ino) {
        this.#fs.close(fd);
        throw new TsvqError('WRITE_FAILED', `${this.path} was replaced by another file while it was written`);
      }
      this.#strikeFd = fd;
    }
    return this.#strikeFd;
  }

  /** Keeps the file open for a reader; every retain needs a {@link release}. */
  retain(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users > 0) return;
    // Don't close it at once, because a caller that just got its index may be about to retain it. Don't close
    // it twice, because the descriptor's number may belong to another file then.
    setImmediate(() => {
      if (this.#users > 0 || this.#closed) return;
      this.#closed = true;
      this.#fs.closeLater(this.fd);
      if (this.#strikeFd !== undefined) this.#fs.closeLater(this.#strikeFd);
    });
  }

  /** Reads the bytes in [from, from + length), or fewer at the end of the file; for moderate sizes. */
  readPiece(from: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, readFully(this.#fs, this.fd, bytes, from));
  }

  /**
   * Calls `block` with pieces of whole lines from `from` on, until a read returns nothing. It never stops at
   * a size taken earlier, because it could miss both a struck row and its replacement after that size. Bytes
   * after the last LF are left out.
   *
   * @param block gets the bytes, where the lines end in them, and where they begin in the file; it is waited
   *   for because the bytes are used again
   * @param to lines that end after this byte are left out
   * @returns where the first line that was left out begins
   */
  async eachBlock(
    from: number,
    block: (bytes: Buffer, end: number, offset: number) => Promise<void> | void,
    to: number = Number.POSITIVE_INFINITY,
  ): Promise<number> {
    this.retain();
    try {
      let bytes = Buffer.allocUnsafe(SMALL);
      let kept = 0;
      let position = from;
      for (;;) {
        const wanted = Math.min(bytes.length - kept, BLOCK, to - position - kept);
        const into = bytes.subarray(kept);
        const length =
          bytes.length <= SMALL
            ? this.#fs.readSync(this.fd, into, wanted, position + kept)
            : await this.#fs.read(this.fd, into, wanted, position + kept);
        if (length === 0) return position;
        const filled = kept + length;
        // The kept bytes have no LF.
        const lf = into.subarray(0, length).lastIndexOf(LF);
        const end = lf < 0 ? 0 : kept + lf + 1;
        if (end > 0) await block(bytes, end, position);
        position += end;
        kept = filled - end;
        // Small files are read at once, larger ones in large pieces, off the event loop. A longer line gets a
        // larger buffer while it is read.
        const isFull = kept === bytes.length || (bytes.length < BLOCK && length === wanted);
        if (isFull || (bytes.length > BLOCK && kept < BLOCK)) {
          const other = Buffer.allocUnsafe(kept < BLOCK ? BLOCK : kept * 2);
          bytes.copy(other, 0, end, filled);
          bytes = other;
        } else {
          bytes.copyWithin(0, end, filled);
        }
      }
    } finally {
      this.release();
    }
  }

  /**
   * Calls `line` for each whole line from `from` on; reads as {@link eachBlock} does.
   *
   * @param line gets the bytes, and where the line begins in them, ends in them, and begins in the file
   */
  async eachLine(
    from: number,
    line: (bytes: Buffer, start: number, end: number, offset: number) => void,
    { to, afterBlock }: { to?: number; afterBlock?: () => Promise<void> } = {},
  ): Promise<number> {
    return this.eachBlock(
      from,
      (bytes, end, offset) => {
        eachLine(bytes, 0, end, (start, stop) => line(bytes, start, stop, offset + start));
        return afterBlock?.();
      },
      to,
    );
  }
}

interface Opened {
  readonly fd: number;
  readonly writable: boolean;
}

/** Opens a file for reading and appending; only for reading if this process has no right to write it. */
function openExisting(fs: FileSystem, path: string): Opened | undefined {
  try {
    // A symlink in the given path was already followed. If one has replaced the real file since, earlier
    // processes would lock beside the symlink, and later ones beside the file.
    return { fd: fs.open(path, O_RDWR | O_APPEND | O_NONBLOCK | O_NOFOLLOW), writable: true };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') {
      throw new TsvqError(
        'WRITE_FAILED',
        `${path} has become a symlink, or leads back to itself; open the queue again`,
      );
    }
    if (code === 'EISDIR') throw new TsvqError('NOT_A_QUEUE', `${path} is a directory; name a file`);
    if (code !== 'EACCES' && code !== 'EROFS' && code !== 'EPERM') throw error;
  }
  try {
    return { fd: fs.open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW), writable: false };
  } catch (error) {
    throw ofRootError(fs, path) ?? error;
  }
}
