import { type FileSystem, readFully, SMALL } from './fs.js';
import type { OpenFile } from './open-file.js';
import type { Draft } from './view.js';

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
  readonly #drafts: readonly Draft[];
  readonly #pieces: { bytes: Buffer; rows: number }[] = [];
  /** Of each row, without its LF. */
  readonly #lengths: number[] = [];

  constructor(fs: FileSystem, file: OpenFile, drafts: readonly Draft[]) {
    this.#fs = fs;
    this.#file = file;
    this.#drafts = drafts;
    let lines: string[] = [];
    let size = 0;
    for (const { line } of drafts) {
      lines.push(line);
      size += line.length;
      if (size > PIECE) {
        this.#addPiece(lines, size);
        lines = [];
        size = 0;
      }
    }
    if (size > 0) this.#addPiece(lines, size);
  }

  #addPiece(lines: readonly string[], size: number): void {
    const bytes = Buffer.from(lines.join(''));
    this.#pieces.push({ bytes, rows: lines.length });
    const ascii = bytes.length === size;
    for (const line of lines) this.#lengths.push((ascii ? line.length : Buffer.byteLength(line)) - 1);
  }

  /** Calls `row` for each row that was written whole, with its length in bytes, without the LF. */
  eachRow(row: (draft: Draft, length: number) => void): void {
    for (let i = 0; i < this.rows; i++) row(this.#drafts[i] as Draft, this.#lengths[i] as number);
  }

  /** Writes until something stops it. What is short stays short: a second write could end up behind another's. */
  async write(): Promise<void> {
    for (const { bytes, rows } of this.#pieces) {
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
        for (let i = bytes.indexOf(10); i >= 0 && i < written; i = bytes.indexOf(10, i + 1)) this.rows++;
        return;
      }
      this.rows += rows;
    }
  }

  /** The pieces as far as they were written. */
  *written(): Iterable<Buffer> {
    let left = this.bytes;
    for (const { bytes } of this.#pieces) {
      if (left <= 0) return;
      yield left < bytes.length ? bytes.subarray(0, left) : bytes;
      left -= bytes.length;
    }
  }

  /** Whether the bytes from `offset` to the end of the file are these and no others. */
  async isAt(offset: number): Promise<boolean> {
    let position = offset;
    for (const piece of this.written()) {
      // One byte more than is ours: nothing may follow.
      const found = Buffer.allocUnsafe(piece.length + 1);
      const length =
        piece.length <= SMALL
          ? readFully(this.#fs, this.#file.fd, found, position)
          : await this.#readFully(found, position);
      if (length < piece.length || piece.compare(found, 0, piece.length) !== 0) return false;
      position += piece.length;
      if (position === offset + this.bytes && length > piece.length) return false;
    }
    return true;
  }

  async #readFully(into: Buffer, from: number): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const length = await this.#fs.read(
        this.#file.fd,
        into.subarray(filled),
        into.length - filled,
        from + filled,
      );
      if (length === 0) break;
      filled += length;
    }
    return filled;
  }
}
