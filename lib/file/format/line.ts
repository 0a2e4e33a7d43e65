import { isUtf8 } from 'node:buffer';
import { STATUSES, type Status } from '../../job/job.js';
import type { Layout } from './layout.js';

export const TAB = 9;
export const LF = 10;
const CR = 13;
const SPACE = 32;
export const HASH = 35;
export const DASH = 45;
const LAST_OF_TORN = 110;
/** How many hex digits an id of ours has. */
export const OUR_ID = 16;

/**
 * A longer line is no row: Node can't hold much more in one string, and a claim or a result has to fit in as well. What
 * may be enqueued is limited so that no row gets there.
 */
export const LONGEST_ROW: number = 384 * 1024 * 1024;

/** How the fragment of a row that a crash cut short is closed, by whoever finds it. */
export const TORN = '\t#torn';

/**
 * What a line is.
 *
 * - `row`: exactly the header's columns, no NUL, an id that text can name, a known status, a version, not too long
 * - `struck`: a superseded row, crossed out in place: `#` first, dashes for its status; or of its dashes at least one,
 *   since power loss may keep the part of a strike that lies on one block of the disk and lose the other
 * - `comment`: any other line that begins with `#`; a person's
 * - `torn`: the start of a row whose write a crash cut; never acknowledged
 * - `blank`: nothing but white space
 * - `unreadable`: anything else; kept, reported, and if its first field is a job's id, that job is held
 */
export type LineKind = 'row' | 'struck' | 'comment' | 'torn' | 'blank' | 'unreadable';

const STATUS_BYTES = STATUSES.map((word) => Buffer.from(word));

/**
 * Reads lines where they lie, without making strings of them: the one rule for what is a row, and the places of
 * its fields. One instance is used for a whole scan; its fields speak of the line read last.
 */
export class LineReader {
  /** Of a row: its status. */
  status: Status = 'pending';
  /** Of a row: its version; 0 in a file that has none yet. */
  version = 0;
  /** What the line lies in. */
  bytes: Buffer = Buffer.alloc(0);
  #ends: Int32Array;
  #start = 0;
  /** The memory that the bytes lie in, four at a time. */
  #words: Int32Array = new Int32Array(0);
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#ends = new Int32Array(layout.names.length + 1);
  }

  /** @param end where its LF is, or would be */
  read(bytes: Buffer, start: number, end: number): LineKind {
    let stop = end;
    // A file saved with CRLF, or with spaces at the ends of its lines, is still the same file.
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
        // Nearly all of them are: from the next word's beginning on they are looked at by four.
        if (((base + i) & 3) === 3) {
          for (let word = (base + i + 1) / 4; i + 4 < last && isAboveTab(words[word] as number); word++)
            i += 4;
        }
      } else if (byte === TAB) {
        ends[fields++] = i;
        // One too many: the rest tells nothing more.
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
    const status = statusIn(bytes, this.from(at.status), ends[at.status] as number);
    this.version = at.version < 0 ? 0 : this.#digits(at.version);
    if (this.version < 0) return 'unreadable';
    if (status === undefined) return this.#isHalfStruck() ? 'struck' : 'unreadable';
    this.status = status;
    return 'row';
  }

  /** Whether a field of the row read last holds something: one whose column the file lacks is empty. */
  has(column: number): boolean {
    return column >= 0 && this.to(column) > this.from(column);
  }

  /** The field, for names, numbers and words of ASCII. */
  field(column: number): string {
    return this.has(column) ? slice(this.bytes, this.from(column), this.to(column)) : '';
  }

  /** The same for any text. */
  text(column: number): string {
    return this.has(column) ? this.bytes.toString('utf8', this.from(column), this.to(column)) : '';
  }

  /** A number in a field of the row read last; `otherwise` where it isn't one. */
  number(column: number, otherwise: number): number {
    if (column < 0) return otherwise;
    const bytes = this.bytes;
    const to = this.#ends[column] as number;
    let i = this.from(column);
    if (i === to) return otherwise;
    // Plain digits and a point, as this queue writes them; anything else the long way.
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

  /** Where a field of the line read last begins in the bytes. */
  from(column: number): number {
    return column === 0 ? this.#start : (this.#ends[column - 1] as number) + 1;
  }

  /** Where it ends. */
  to(column: number): number {
    return this.#ends[column] as number;
  }

  span(column: number): [from: number, to: number] {
    return [this.from(column), this.to(column)];
  }

  /** A field of digits alone as a number, else -1. */
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
    // An id holds no space: that is how a note like `#duplicate <row>` differs.
    for (let i = this.#start; i < (this.#ends[0] as number); i++) if (this.bytes[i] === SPACE) return false;
    if (from === to) return false;
    for (let i = from; i < to; i++) if (this.bytes[i] !== DASH) return this.#isHalfStruck();
    return true;
  }

  /** Whether a status word stands there with a dash for at least one of its letters. */
  #isHalfStruck(): boolean {
    const [from, to] = this.span(this.#layout.at.status);
    const found = slice(this.bytes, from, to);
    if (!found.includes('-')) return false;
    return STATUSES.some((word) => {
      if (word.length !== found.length) return false;
      for (let i = 0; i < word.length; i++) if (found[i] !== '-' && found[i] !== word[i]) return false;
      return true;
    });
  }
}

/**
 * Whether there is an id that comes through decoding as it is: nobody could name another, or find its row again. Nor
 * one behind a byte order mark, which parsers take off. Nor one that an id of ours and the beginning of another make,
 * where a row was appended right behind the fragment of one whose writer was killed: that is nobody's job.
 */
function isId(bytes: Buffer, from: number, to: number): boolean {
  const length = to - from;
  if (length > OUR_ID && length <= 2 * OUR_ID && isHex(bytes, from, to)) return false;
  for (let i = from; i < to; i++) {
    if ((bytes[i] as number) < 128) continue;
    const id = bytes.subarray(from, to);
    return isUtf8(id) && id.indexOf('\uFEFF') !== 0;
  }
  return length > 0;
}

/**
 * Whether all four bytes are greater than a TAB: one that is less borrows when ten is taken from each, and its highest
 * bit is set then. (Sean Eron Anderson, Bit Twiddling Hacks, "Determine if a word has a byte less than n".)
 */
const isAboveTab = (word: number): boolean => ((word - 0x0a0a0a0a) & ~word & 0x80808080) === 0;

function isHex(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte < 48 || byte > 102 || (byte > 57 && byte < 97)) return false;
  }
  return true;
}

/** The status word in bytes[from, to), if that is one. */
export function statusIn(bytes: Buffer, from: number, to: number): Status | undefined {
  for (let i = 0; i < STATUS_BYTES.length; i++) {
    const word = STATUS_BYTES[i] as Buffer;
    if (word.length !== to - from) continue;
    let same = 0;
    while (same < word.length && word[same] === bytes[from + same]) same++;
    if (same === word.length) return STATUSES[i] as Status;
  }
  return undefined;
}

/** Node's own, which its types leave out: half the cost of toString('latin1'), and called for every row. */
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
