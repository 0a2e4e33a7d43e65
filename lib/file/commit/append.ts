import { type FileSystem, readFullyAsync, SMALL } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import { eachLine, LF } from '../format/line.js';
import type { StoredJob } from '../format/stored-job.js';

/** The size of the pieces in which rows are written, about. */
const PIECE = 4 * 1024 * 1024;

/** Rows that are written together. */
interface Piece {
  readonly bytes: Buffer;
  readonly rows: number;
  /** Where the piece was found in the file. */
  offset: number;
}

/** One append of rows, in pieces of whole rows. */
export class Append {
  /** How many bytes of the append are in the file. */
  bytes = 0;
  /** How many whole rows of the append are in the file. */
  rows = 0;
  /** True if the system wrote less than it was given, without an error. */
  cutShort = false;
  error: unknown;
  /** Where the append ends, if no rows of other processes came before or between its own; otherwise undefined. */
  end: number | undefined;
  readonly #fs: FileSystem;
  readonly #file: OpenFile;
  readonly #jobs: readonly StoredJob[];
  /** The rows that were written whole. */
  readonly #pieces: Piece[] = [];

  constructor(fs: FileSystem, file: OpenFile, jobs: readonly StoredJob[]) {
    this.#fs = fs;
    this.#file = file;
    this.#jobs = jobs;
  }

  /**
   * Writes the rows until something stops it. It doesn't complete a short write, because other processes' rows may
   * come before a second one.
   */
  async write(): Promise<void> {
    for (const piece of this.#makePieces()) {
      const { bytes } = piece;
      let written: number;
      try {
        written =
          bytes.length <= SMALL
            ? this.#fs.writeSync(this.#file.fd, bytes, null)
            : await this.#fs.write(this.#file.fd, bytes, null);
      } catch (error) {
        this.error = error;
        return;
      }
      this.bytes += written;
      this.cutShort = written < bytes.length;
      const whole = this.cutShort ? wholeRows(bytes.subarray(0, written)) : piece;
      this.rows += whole.rows;
      if (whole.rows > 0) this.#pieces.push(whole);
      if (this.cutShort) return;
    }
  }

  /** Makes each piece when the one before is written, so that other callbacks get their turn between two pieces. */
  *#makePieces(): Iterable<Piece> {
    const jobs = this.#jobs;
    let first = 0;
    let size = 0;
    for (let i = 0; i < jobs.length; i++) {
      size += Buffer.byteLength((jobs[i] as StoredJob).text) + 1;
      if (size <= PIECE && i < jobs.length - 1) continue;
      // Writes the rows one by one, because joining them first would copy each row twice.
      const bytes = Buffer.allocUnsafe(size);
      let end = 0;
      for (let k = first; k <= i; k++) {
        end += bytes.write((jobs[k] as StoredJob).text, end);
        bytes[end++] = LF;
      }
      yield { bytes, rows: i + 1 - first, offset: 0 };
      first = i + 1;
      size = 0;
    }
  }

  /**
   * Finds the appended rows in the file, at or after `before`, where the file ended. Rows of other processes may come
   * first, or between two pieces.
   *
   * @returns true if all rows that were written whole are found, each at the beginning of a line
   */
  async lookUp(before: number): Promise<boolean> {
    if (await this.#isAt(before)) return true;
    // Reads once for all pieces, with the LF before the first.
    const bytes = await this.#read(before - 1, this.#file.size - before + 1);
    let at = 1;
    for (const piece of this.#pieces) {
      at = bytes.indexOf(piece.bytes, at);
      // A piece that doesn't begin a line is glued to a fragment: another process died in the middle of a row, after
      // this one saw a whole last line. The rows are appended again. The next compaction makes two lines of that one.
      if (at < 0 || bytes[at - 1] !== LF) return false;
      piece.offset = before - 1 + at;
      at += piece.bytes.length;
    }
    return true;
  }

  async #isAt(offset: number): Promise<boolean> {
    let end = offset;
    for (const piece of this.#pieces) {
      const found = await this.#read(end, piece.bytes.length);
      if (!found.equals(piece.bytes)) return false;
      piece.offset = end;
      end += piece.bytes.length;
    }
    this.end = end;
    return true;
  }

  async #read(from: number, length: number): Promise<Buffer> {
    if (length <= SMALL) return this.#file.readPiece(from, length);
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, await readFullyAsync(this.#fs, this.#file.fd, bytes, from));
  }

  /** Calls `row` for each row that was written whole, with its place and its length in bytes, without the LF. */
  eachRow(row: (job: StoredJob, offset: number, length: number) => void): void {
    let i = 0;
    for (const { bytes, offset } of this.#pieces) {
      eachLine(bytes, 0, bytes.length, (start, end) =>
        row(this.#jobs[i++] as StoredJob, offset + start, end - start),
      );
    }
  }
}

/** Returns the whole rows of a piece that was cut short. */
function wholeRows(written: Buffer): Piece {
  const bytes = written.subarray(0, written.lastIndexOf(LF) + 1);
  let rows = 0;
  eachLine(bytes, 0, bytes.length, () => rows++);
  return { bytes, rows, offset: 0 };
}
