import { constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { TsvqError } from '../../job/errors.js';
import { assertWhole, type FileSystem, isRegular, readFully, storeError, syncFolder } from '../disk/fs.js';
import { giveToOwner, makeFolder, ofRootError, removeEmptyFileOfRoot } from '../disk/ownership.js';
import { eachLine, LF, TORN } from '../format/line.js';
import { archiveFolder, archiveName, piecesOf } from './archive.js';

/** The flags never follow a symlink, because other users can put one at these known names. */
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;
const APPEND = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK;

/** Errors of an archive file that isn't writable in a folder that is. Then the month's next file is begun. */
const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS']);

/** One archive file of a month. */
interface ArchiveFile {
  /** undefined if the file is missing, and was not to be made. */
  readonly fd: number | undefined;
  readonly path: string;
}

/** Writes to the folder of archive files. */
export class ArchiveFolder {
  readonly #fs: FileSystem;
  readonly #queueFile: string;
  readonly #folder: string;
  #isMade = false;

  constructor(fs: FileSystem, queueFile: string) {
    this.#fs = fs;
    this.#queueFile = queueFile;
    this.#folder = archiveFolder(queueFile);
  }

  /** Checks that rows of a month can be appended, and leaves only the folder behind. @throws TsvqError */
  check(month: string, head: Buffer): void {
    this.#makeFolder();
    const { fd, path } = this.#openFile(month, head, 0);
    if (fd !== undefined) {
      this.#fs.close(fd);
      return;
    }
    try {
      // Use the file's own name, because after a kill it is then an archive file without rows.
      this.#fs.close(this.#fs.open(path, 'wx', 0o660));
      this.#fs.unlink(path);
    } catch (error) {
      throw this.#errorFor(error, path);
    }
  }

  /** Checks the free space, unless the archive is on the queue's disk. @throws TsvqError `DISK_FULL` */
  checkRoom(bytes: number): void {
    if (this.#fs.stat(this.#folder)?.dev === this.#fs.stat(dirname(this.#queueFile))?.dev) return;
    const free = this.#fs.statfs(this.#folder)?.free ?? Number.POSITIVE_INFINITY;
    if (free >= bytes) return;
    throw new TsvqError(
      'DISK_FULL',
      `no room in ${this.#folder}: ${bytes} bytes are to go there, and ${free} are free. Nothing was changed; free some space`,
    );
  }

  /** Appends the rows of a staged file durably. @param alreadyAppended lines that an earlier try has appended */
  async append(
    month: string,
    stagedFd: number,
    alreadyAppended: ReadonlySet<string> = new Set(),
  ): Promise<void> {
    this.#makeFolder();
    const head = readHead(this.#fs, stagedFd);
    const fd = this.#openFile(month, head, O_CREAT).fd as number;
    try {
      this.#complete(fd, head);
      for await (const bytes of piecesOf(this.#fs, stagedFd, head.length - 1)) {
        const missing = without(bytes.subarray(1), alreadyAppended);
        if (missing.length > 0) assertWhole(await this.#fs.write(fd, missing, null), missing);
      }
      await this.#fs.fdatasync(fd);
    } finally {
      this.#fs.close(fd);
    }
    await syncFolder(this.#fs, this.#folder);
    await syncFolder(this.#fs, dirname(this.#queueFile));
  }

  removeIfMade(): void {
    if (!this.#isMade) return;
    try {
      this.#fs.rmdir(this.#folder);
    } catch {
      // Another process has put something there.
    }
  }

  #makeFolder(): void {
    try {
      if (this.#fs.stat(this.#folder) !== undefined) return;
      makeFolder(this.#fs, this.#folder, this.#queueFile);
      this.#isMade = true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw storeError(error, this.#folder);
      const message = `${this.#folder} is a link that leads nowhere; is its disk mounted? Nothing was changed`;
      throw new TsvqError('NO_ACCESS', message, { cause: error });
    }
  }

  /**
   * Opens the file of a month. A file stays unchanged, and the month's next file is taken, if it has another
   * head (the queue gained a column in mid-month), or isn't writable for this process.
   */
  #openFile(month: string, head: Buffer, flags: number): ArchiveFile {
    let canRemoveEmpty = true;
    for (let number = 1; ; number++) {
      const path = join(this.#folder, archiveName(this.#queueFile, month, number));
      let fd: number;
      try {
        fd = this.#fs.open(path, APPEND | flags, 0o660);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT') return { fd: undefined, path };
        // Root was killed before it could give the file away.
        if (code === 'EACCES' && canRemoveEmpty && removeEmptyFileOfRoot(this.#fs, path)) {
          canRemoveEmpty = false;
          this.#makeFolder();
          number--;
          continue;
        }
        if (code === 'ELOOP' || code === 'EISDIR') continue;
        if (NOT_WRITABLE.has(String(code)) && this.#exists(path)) continue;
        throw this.#errorFor(error, path);
      }
      if (this.#fits(fd, head)) return { fd, path };
      this.#fs.close(fd);
    }
  }

  #exists(path: string): boolean {
    try {
      return this.#fs.stat(path) !== undefined;
    } catch {
      // The folder denies access, not the file.
      return false;
    }
  }

  #fits(fd: number, head: Buffer): boolean {
    const info = this.#fs.fstat(fd);
    if (!isRegular(info)) return false;
    const bytes = Buffer.alloc(Math.min(info.size, head.length));
    readFully(this.#fs, fd, bytes, 0);
    return bytes.equals(head.subarray(0, bytes.length));
  }

  /** Writes the missing bytes of the head, and ends a torn line, so that the next row isn't glued to it. */
  #complete(fd: number, head: Buffer): void {
    const { size } = this.#fs.fstat(fd);
    if (size === 0) giveToOwner(this.#fs, fd, this.#queueFile);
    const last = Buffer.alloc(1);
    if (size > 0) readFully(this.#fs, fd, last, size - 1);
    const missing = head.subarray(size);
    const bytes = missing.length > 0 ? missing : Buffer.from(last[0] === LF ? '' : `${TORN}\n`);
    if (bytes.length > 0) assertWhole(this.#fs.writeSync(fd, bytes, null), bytes);
  }

  #errorFor(error: unknown, path: string): unknown {
    return ofRootError(this.#fs, this.#folder) ?? storeError(error, path);
  }
}

/** Reads a file's first two lines: header and format. */
function readHead(fs: FileSystem, fd: number): Buffer {
  const bytes = Buffer.alloc(64 * 1024);
  readFully(fs, fd, bytes, 0);
  return bytes.subarray(0, bytes.indexOf(LF, bytes.indexOf(LF) + 1) + 1);
}

/** Returns whole lines without those in `excluded`. */
function without(bytes: Buffer, excluded: ReadonlySet<string>): Buffer {
  if (excluded.size === 0) return bytes;
  const left: Buffer[] = [];
  eachLine(bytes, 0, bytes.length, (start, end) => {
    if (!excluded.has(bytes.toString('latin1', start, end))) left.push(bytes.subarray(start, end + 1));
  });
  return Buffer.concat(left);
}
