import type { Status } from '../../job/job.js';
import { isId } from './id.js';
import type { Layout } from './layout.js';
import { DASH, isDashed, statusIn } from './status-word.js';

export const TAB = 9;
export const LF = 10;
const CR = 13;
const SPACE = 32;
export const HASH = 35;
const LAST_OF_TORN = 110;
/**
 * A longer line isn't a row, because Node can't hold much more in one string, and a claim or a result must fit
 * in as well. The limits of enqueue keep every row shorter.
 */
export const LONGEST_ROW: number = 384 * 1024 * 1024;

/** The end that the next process to write gives a row that a crash cut off. */
export const TORN = '\t#torn';

/**
 * The kind of a line.
 *
 * - `row`: exactly the header's columns, no NUL, an id that text can name, a known status, a version, not too long
 * - `struck`: a superseded row with `#` first, and dashes for its status; or with at least one dash, because
 *   power loss may keep the bytes of a strike on one disk block and lose those on another
 * - `comment`: any other line that begins with `#`, as a person writes
 * - `torn`: the start of a row whose write a crash cut; never acknowledged
 * - `blank`: nothing but white space
 * - `unreadable`: anything else; kept, reported, and if its first field is a job's id, that job is held
 */
export type LineKind = 'row' | 'struck' | 'comment' | 'torn' | 'blank' | 'unreadable';

/**
 * Reads lines in place, without making strings. It has the one rule for what is a row, and finds the places
 * of the fields. One instance serves a whole scan, and describes the line read last.
 */
export class LineReader {
  /** The status of the row read last. */
  status: Status = 'pending';
  /** The version of the row read last; 0 in a file without versions. */
  version = 0;
  /** The bytes that hold the line read last. */
  bytes: Buffer = Buffer.alloc(0);
  #ends: Int32Array;
  #start = 0;
  /** The memory behind {@link bytes} in words of four. */
  #words: Int32Array = new Int32Array(0);
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#ends = new Int32Array(layout.names.length + 1);
  }

  /** Reads a line. @param end the place of its LF */
  read(bytes: Buffer, start: number, end: number): LineKind {
    let stop = end;
    // An editor may leave CR or spaces at line ends; they mean nothing.
    while (stop > start && (bytes[stop - 1] === CR || bytes[stop - 1] === SPACE)) stop--;
    if (stop === start) return 'blank';
    this.bytes = bytes;
    this.#start = start;
    const { at, names } = this.#layout;
    const ends = this.#ends;
    const width = names.length;
    let fields = 0;
    let i = start;
    const last = Math.min(stop, start + LONGEST_ROW);
    const words = this.#wordsOf(bytes);
    const base = bytes.byteOffset;
    for (; i < last; i++) {
      const byte = bytes[i] as number;
      if (byte > TAB) {
        // Nearly all bytes are above TAB, so four at a time are checked from the next word on.
        if (((base + i) & 3) === 3) {
          for (let word = (base + i + 1) / 4; i + 4 < last && isAboveTab(words[word] as number); word++)
            i += 4;
        }
      } else if (byte === TAB) {
        ends[fields++] = i;
        // This field is one too many, so the rest doesn't matter.
        if (fields === width) break;
      } else if (byte === 0) break;
    }
    if (fields < width) ends[fields] = i;
    const whole = i === stop && fields === width - 1;
    if (bytes[start] === HASH) return whole && this.#isStruck() ? 'struck' : 'comment';
    if (
      bytes[stop - 1] === LAST_OF_TORN &&
      stop - start >= TORN.length &&
      slice(bytes, stop - TORN.length, stop) === TORN
    )
      return 'torn';
    if (!whole || !isId(bytes, start, ends[0] as number)) return 'unreadable';
    const from = this.from(at.status);
    const to = this.to(at.status);
    const status = statusIn(bytes, from, to);
    this.version = at.version < 0 ? 0 : this.#digits(at.version);
    if (this.version < 0) return 'unreadable';
    if (status === undefined) return isDashed(bytes, from, to) ? 'struck' : 'unreadable';
    this.status = status;
    return 'row';
  }

  /** True if a field of the row read last is not empty. A column that the file lacks is empty. */
  has(column: number): boolean {
    return column >= 0 && this.to(column) > this.from(column);
  }

  /** Returns a field of the line read last as Latin-1, for ids' bytes, and names, numbers and words of ASCII. */
  field(column: number): string {
    return this.has(column) ? slice(this.bytes, this.from(column), this.to(column)) : '';
  }

  /** Returns a field of the line read last as UTF-8. */
  text(column: number): string {
    return this.has(column) ? this.bytes.toString('utf8', this.from(column), this.to(column)) : '';
  }

  /** Returns the number in a field of the row read last; `otherwise` if the field has none. */
  number(column: number, otherwise: number): number {
    if (column < 0) return otherwise;
    const bytes = this.bytes;
    const to = this.#ends[column] as number;
    let i = this.from(column);
    if (i === to) return otherwise;
    // This short way takes digits and a point, as this queue writes numbers.
    let whole = 0;
    let scale = 0;
    for (; i < to; i++) {
      const digit = (bytes[i] as number) - 48;
      if (digit >= 0 && digit <= 9) {
        whole = whole * 10 + digit;
        scale *= 10;
      } else if (digit === -2 && scale === 0) scale = 1;
      else break;
    }
    if (i === to && whole <= Number.MAX_SAFE_INTEGER) return scale > 1 ? whole / scale : whole;
    const value = Number(this.field(column));
    return Number.isFinite(value) ? value : otherwise;
  }

  /** Returns where a field of the line read last begins. */
  from(column: number): number {
    return column === 0 ? this.#start : (this.#ends[column - 1] as number) + 1;
  }

  /** Returns where a field of the line read last ends. */
  to(column: number): number {
    return this.#ends[column] as number;
  }

  span(column: number): [from: number, to: number] {
    return [this.from(column), this.to(column)];
  }

  /** Returns the number in a field of 1 to 15 digits; -1 for any other field. */
  #digits(column: number): number {
    const to = this.#ends[column] as number;
    let from = this.from(column);
    if (from === to || to - from > 15) return -1;
    let value = 0;
    for (; from < to; from++) {
      const digit = (this.bytes[from] as number) - 48;
      if (digit < 0 || digit > 9) return -1;
      value = value * 10 + digit;
    }
    return value;
  }

  #wordsOf({ buffer }: Buffer): Int32Array {
    if (this.#words.buffer !== buffer)
      this.#words = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    return this.#words;
  }

  #isStruck(): boolean {
    const [from, to] = this.span(this.#layout.at.status);
    // An id has no space, and a comment like `#duplicate <row>` has.
    for (let i = this.#start; i < (this.#ends[0] as number); i++) if (this.bytes[i] === SPACE) return false;
    if (from === to) return false;
    for (let i = from; i < to; i++) if (this.bytes[i] !== DASH) return isDashed(this.bytes, from, to);
    return true;
  }
}

/**
 * True if all four bytes are greater than a TAB: subtracting ten makes a smaller byte borrow, which sets its
 * highest bit. (Sean Eron Anderson, Bit Twiddling Hacks, "Determine if a word has a byte less than n".)
 */
const isAboveTab = (word: number): boolean => ((word - 0x0a0a0a0a) & ~word & 0x80808080) === 0;

/** Calls Node's latin1Slice, which its types lack: half the cost of toString('latin1'), for every row. */
export const slice = (bytes: Buffer, from: number, to: number): string =>
  (bytes as Buffer & { latin1Slice(from: number, to: number): string }).latin1Slice(from, to);

/** Calls `line` for each whole line in bytes[start, end). @returns where the first line without LF begins */
export function eachLine(
  bytes: Buffer,
  start: number,
  end: number,
  line: (start: number, end: number) => void,
): number {
  let from = start;
  while (from < end) {
    const lf = bytes.indexOf(LF, from);
    if (lf < 0 || lf >= end) break;
    line(from, lf);
    from = lf + 1;
  }
  return from;
}
