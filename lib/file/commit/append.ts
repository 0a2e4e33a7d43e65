import { type FileSystem, readFullyAsync, SMALL } from '../disk/fs.js';
import type { OpenFile } from '../disk/open-file.js';
import { LF } from '../format/line.js';
import type { StoredJob } from '../format/stored-job.js';

/** Rows are written in pieces of about this size. */
const PIECE = 4 * 1024 * 1024;

/** One append, in pieces of whole rows. */
export class Append {
  /** Bytes in the file. */
  bytes = 0;
  /** Whole rows in the file. */
  rows = 0;
  /** Part of a row was written, or of all rows only the first few, without an error. */
  cutShort = false;
  error: unknown;
  readonly #fs: FileSystem;
  readonly #file: OpenFile;
  readonly #jobs: readonly StoredJob[];
  readonly #pieces: { bytes: Buffer; rows: number }[] = [];
  /** Of each row, without its LF. */
  readonly #lengths: number[] = [];
  /** Bytes of whole rows in the file. */
  #whole = 0;
  #before = 0;
  /** Of each piece, where others came between. */
  #offsets: number[] | undefined;

  constructor(fs: FileSystem, file: OpenFile, jobs: readonly StoredJob[]) {
    this.#fs = fs;
    this.#file = file;
    this.#jobs = jobs;
  }

  /** Where it ends, if it is in one piece where the file ended before; undefined if rows of others came between. */
  get end(): number | undefined {
    return this.#offsets === undefined ? this.#before + this.#whole : undefined;
  }

  /** Calls `row` for each row that was written whole, with its place and its length in bytes, without the LF. */
  eachRow(row: (job: StoredJob, offset: number, length: number) => void): void {
    let offset = this.#before;
    for (let i = 0, piece = 0, left = 0; i < this.rows; i++, left--) {
      if (left === 0) {
        offset = this.#offsets?.[piece] ?? offset;
        left = this.#pieces[piece++]?.rows as number;
      }
      const length = this.#lengths[i] as number;
      row(this.#jobs[i] as StoredJob, offset, length);
      offset += length + 1;
    }
  }

  /** Writes until something stops it. What is short stays short: a second write could end up behind another's. */
  async write(): Promise<void> {
    for (const { bytes, rows } of this.#makePieces()) {
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
      if (written < bytes.length) {
        this.cutShort = true;
        this.#whole += bytes.lastIndexOf(LF, written - 1) + 1;
        for (let i = bytes.indexOf(LF); i >= 0 && i < written; i = bytes.indexOf(LF, i + 1)) this.rows++;
        return;
      }
      this.#whole += written;
      this.rows += rows;
    }
  }

  /** Each when the one before it is written, so that other callbacks get their turn between two of them. */
  *#makePieces(): Iterable<{ bytes: Buffer; rows: number }> {
    const jobs = this.#jobs;
    let first = 0;
    let size = 0;
    for (let i = 0; i < jobs.length; i++) {
      const length = Buffer.byteLength((jobs[i] as StoredJob).text);
      this.#lengths.push(length);
      size += length + 1;
      if (size <= PIECE && i < jobs.length - 1) continue;
      // One by one: joined before, each row would be copied twice.
      const bytes = Buffer.allocUnsafe(size);
      let end = 0;
      for (let k = first; k <= i; k++) {
        end += bytes.write((jobs[k] as StoredJob).text, end);
        bytes[end++] = LF;
      }
      const piece = { bytes, rows: i + 1 - first };
      this.#pieces.push(piece);
      yield piece;
      first = i + 1;
      size = 0;
    }
  }

  /**
   * Looks at what became of it, behind where the file ended before. Others may append beside it, so theirs may come
   * first, or between two pieces.
   *
   * @returns whether all rows that were written whole are there, at the beginning of a line
   */
  async lookUp(before: number): Promise<boolean> {
    this.#before = before;
    if (await this.#isAt(before)) return true;
    this.#offsets = [];
    // With the LF before it, and read once for all pieces.
    const bytes = await this.#read(before - 1, this.#file.size - before + 1);
    let at = 1;
    for (const piece of this.#written()) {
      at = bytes.indexOf(piece, at);
      // Glued to a fragment, if it doesn't begin a line: a process died in the middle of a row, after we saw the file
      // end well. It is appended once more, and the next compaction makes two lines of that one.
      if (at < 0 || bytes[at - 1] !== LF) return false;
      this.#offsets.push(before - 1 + at);
      at += piece.length;
    }
    return true;
  }

  /** The pieces as far as whole rows of them were written. */
  *#written(): Iterable<Buffer> {
    let left = this.#whole;
    for (const { bytes } of this.#pieces) {
      if (left <= 0) return;
      yield left < bytes.length ? bytes.subarray(0, left) : bytes;
      left -= bytes.length;
    }
  }

  async #isAt(offset: number): Promise<boolean> {
    let position = offset;
    for (const piece of this.#written()) {
      const found = await this.#read(position, piece.length);
      if (!found.equals(piece)) return false;
      position += piece.length;
    }
    return true;
  }

  async #read(from: number, length: number): Promise<Buffer> {
    if (length <= SMALL) return this.#file.readPiece(from, length);
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, await readFullyAsync(this.#fs, this.#file.fd, bytes, from));
  }
}
