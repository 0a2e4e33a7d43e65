import type { Found } from '../../job/row-source.js';
import type { FileSystem } from '../disk/fs.js';
import type { Column } from '../format/columns.js';
import type { Layout } from '../format/layout.js';
import { LF, LineReader } from '../format/line.js';
import { escapeText } from '../format/text.js';
import type { JobIndex } from '../index/job-index.js';

/** The size of the pieces in which the file is read. */
const BLOCK = 512 * 1024;
const BACKSLASH = 92;

/** A form of the text that is searched for, and where it counts. */
interface Needle {
  readonly bytes: Buffer;
  readonly places: Place[];
}

interface Place {
  readonly columns: readonly Column[];
  /** True if a backslash before the text may make its first character another one. */
  readonly isEscaped: boolean;
}

/** The columns that say what a job is about; numbers, times and states would give hits that are not looked for. */
const PLAIN: readonly Column[] = ['id', 'type', 'dedupe_key', 'group'];
const JSON_COLUMNS: readonly Column[] = ['payload', 'result', 'meta'];

/**
 * Finds jobs whose newest row has a text. It reads the file from its end, because the newest rows are there, and stops
 * at the limit. A row that is superseded meanwhile is left out; the caller hears of the new one and searches again.
 *
 * @param block the size of the pieces; a piece has whole lines, so a hit is never cut
 */
export async function searchRows(
  fs: FileSystem,
  index: JobIndex,
  text: string,
  limit: number,
  block: number = BLOCK,
): Promise<Found> {
  const { file } = index;
  const search = new Search(index, needlesOf(text));
  file.retain();
  try {
    let bytes = Buffer.allocUnsafe(block);
    for (let end = index.position; end > file.start; ) {
      const from = Math.max(file.start, end - bytes.length);
      const filled = await fs.read(file.fd, bytes, end - from, from);
      // The piece begins in the middle of a line, unless it is the first one.
      const first = from === file.start ? 0 : bytes.subarray(0, filled).indexOf(LF) + 1;
      // Only the end of one line: it needs a larger piece.
      if (first === filled && filled === bytes.length) {
        bytes = Buffer.allocUnsafe(bytes.length * 2);
        continue;
      }
      if (!search.add(bytes.subarray(first, filled), from + first, limit))
        return { keys: [...search.found], hasMore: true };
      end = from + first;
      if (bytes.length > block) bytes = Buffer.allocUnsafe(block);
    }
    return { keys: [...search.found], hasMore: false };
  } finally {
    file.release();
  }
}

/** Returns the forms in which a text stands in a file: as it is, and as the columns escape it. */
function needlesOf(text: string): Needle[] {
  const needles = new Map<string, Needle>();
  const add = (form: string, columns: readonly Column[], isEscaped: boolean): void => {
    const needle = needles.get(form) ?? { bytes: Buffer.from(form), places: [] };
    needles.set(form, needle);
    needle.places.push({ columns, isEscaped });
  };
  // JSON is searched as it is for its own parts, like `"to":"ann"`, and for the text within its strings.
  add(text, [...PLAIN, ...JSON_COLUMNS], false);
  add(JSON.stringify(text).slice(1, -1), JSON_COLUMNS, true);
  add(escapeText(text), ['error'], true);
  return [...needles.values()];
}

/** The hits in pieces of a file. */
class Search {
  readonly found: Set<number> = new Set();
  readonly #index: JobIndex;
  readonly #needles: readonly Needle[];
  readonly #reader: LineReader;
  readonly #layout: Layout;

  constructor(index: JobIndex, needles: readonly Needle[]) {
    this.#index = index;
    this.#needles = needles;
    this.#layout = index.file.layout;
    this.#reader = new LineReader(this.#layout);
  }

  /** Searches whole lines. @returns false if the limit was reached */
  add(lines: Buffer, offset: number, limit: number): boolean {
    for (const needle of this.#needles) {
      for (let at = lines.indexOf(needle.bytes); at >= 0; ) {
        const start = at === 0 ? 0 : lines.lastIndexOf(LF, at - 1) + 1;
        const lf = lines.indexOf(LF, at);
        const end = lf < 0 ? lines.length : lf;
        const slot = this.#newest(lines, start, end, offset);
        if (slot !== undefined && !this.found.has(slot) && this.#hasHit(lines, at, end, needle)) {
          if (this.found.size === limit) return false;
          this.found.add(slot);
        }
        at = end + 1 < lines.length ? lines.indexOf(needle.bytes, end + 1) : -1;
      }
    }
    return true;
  }

  /** Returns the slot of a line that is its job's newest row. */
  #newest(lines: Buffer, start: number, end: number, offset: number): number | undefined {
    if (this.#reader.read(lines, start, end) !== 'row') return undefined;
    const slot = this.#index.findRow(this.#reader);
    if (slot === undefined || this.#index.forgotten.has(slot)) return undefined;
    return this.#index.offset(slot) === offset + start ? slot : undefined;
  }

  /** True if one of the hits in the line that was read last stands where it counts. @param first the first hit */
  #hasHit(lines: Buffer, first: number, end: number, { bytes, places }: Needle): boolean {
    for (let at = first; at >= 0 && at + bytes.length <= end; at = lines.indexOf(bytes, at + 1))
      if (places.some((place) => this.#counts(lines, at, bytes.length, place))) return true;
    return false;
  }

  #counts(lines: Buffer, at: number, length: number, { columns, isEscaped }: Place): boolean {
    const isThere = columns.some((name) => {
      const column = this.#layout.at[name];
      return column >= 0 && this.#reader.from(column) <= at && at + length <= this.#reader.to(column);
    });
    if (!isThere) return false;
    let backslashes = 0;
    while (isEscaped && lines[at - 1 - backslashes] === BACKSLASH) backslashes++;
    return backslashes % 2 === 0;
  }
}
