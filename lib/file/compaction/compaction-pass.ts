import { isFinal } from '../../job/job.js';
import type { OpenFile } from '../disk/open-file.js';
import { muteTorn } from '../format/cross-out.js';
import { decodeFollowUps, missingFollowUps } from '../format/follow-ups.js';
import { gluedAt } from '../format/glued.js';
import { headOf, type Layout } from '../format/layout.js';
import { LineReader, TORN } from '../format/line.js';
import { joinRow, type Row, splitRows } from '../format/row.js';
import { StoredJob } from '../format/stored-job.js';
import { upgrade } from '../format/upgrade.js';
import type { JobIndex } from '../index/job-index.js';
import { isMark, OPEN_MARK, sealedMark } from '../index/sealed.js';
import type { ArchiveWriter } from './archive-writer.js';
import type { Replacement } from './rewrite.js';

const HEX_DIGITS = '0123456789abcdef';
/** The most bytes of lines that are copied at once. */
const PIECE = 1024 * 1024;
/** With fewer bytes of finished rows their end isn't marked, because scanning them costs nothing. */
const WORTH_A_MARK = 64 * 1024;

/** One pass over the old file that gives each line its place in the new one. */
export class CompactionPass {
  readonly #now: number;
  readonly #retention: number;
  readonly #file: OpenFile;
  readonly #index: JobIndex;
  readonly #layout: Layout;
  readonly #archive: ArchiveWriter;
  readonly #output: Replacement;
  readonly #reader: LineReader;
  /** Where the newest rows begin, and which of them comes next. */
  readonly #newest: Float64Array;
  /** Lines after this byte of the old file are left: an append without the lock is done again. */
  readonly #end: number;
  #next = 0;
  /** Where the lines after the finished jobs are in the old file; neighbours merged. */
  readonly #later: { from: number; to: number }[] = [];
  /** Changed lines that come after the finished jobs. */
  readonly #laterLines: string[] = [];
  readonly #expired: { line: string; finishedAt: number }[] = [];
  readonly #parents: StoredJob[] = [];
  #run: { bytes: Buffer; start: number; end: number } | undefined;
  #kept = 0;

  constructor(
    { now, retention }: { now: number; retention: number },
    file: OpenFile,
    index: JobIndex,
    layout: Layout,
    archive: ArchiveWriter,
    output: Replacement,
  ) {
    this.#now = now;
    this.#retention = retention;
    this.#file = file;
    this.#index = index;
    this.#layout = layout;
    this.#archive = archive;
    this.#output = output;
    this.#reader = new LineReader(file.layout);
    this.#newest = index.offsets();
    this.#end = index.position;
  }

  async write(): Promise<{ kept: number; recovered: number }> {
    const file = this.#file;
    const output = this.#output;
    output.add(Buffer.from(headOf(this.#layout)));
    const markAt = output.size;
    const marked = this.#finishedBytes() > WORTH_A_MARK;
    if (marked) output.add(Buffer.from(sealedMark(0, 0)));
    await file.eachLine(file.start, (bytes, start, end, offset) => this.#sort(bytes, start, end, offset), {
      to: this.#end,
      // Block by block, so that no more than one is in memory.
      afterBlock: async () => {
        this.#endRun();
        await output.flush();
        for (const { line, finishedAt } of this.#expired.splice(0)) await this.#archive.add(line, finishedAt);
      },
    });
    const end = output.size;
    if (marked) output.add(Buffer.from(OPEN_MARK));
    for (const { from, to } of this.#later) await this.#copy(from, to);
    for (const line of this.#laterLines) output.add(Buffer.from(line));
    const missing = missingFollowUps(this.#parents, this.#index);
    for (const { line } of missing) output.add(Buffer.from(line));
    await output.flush();
    if (marked) output.patch(markAt, Buffer.from(sealedMark(end, output.size)));
    return { kept: this.#kept + missing.length, recovered: missing.length };
  }

  /** Estimates the size of the finished jobs. */
  #finishedBytes(): number {
    const index = this.#index;
    let bytes = index.from - this.#file.start;
    for (let slot = 0; slot < index.size; slot++)
      if (isFinal(index.status(slot))) bytes += index.length(slot);
    return bytes;
  }

  /** Decides what becomes of a line. */
  #sort(bytes: Buffer, start: number, end: number, offset: number): void {
    const kind = this.#reader.read(bytes, start, end);
    if (kind === 'struck') return;
    if (kind === 'comment' && (isMark(bytes, start, end) || this.#isHalfStruck(bytes, start, end))) return;
    if (kind === 'row') {
      if (this.#isNewest(offset) || this.#isStillSettled(offset)) this.#place(bytes, start, end, offset);
      else if (this.#index.duplicates.has(offset)) this.#keepDuplicate(bytes, start, end);
    } else if (kind === 'torn') {
      this.#keepTorn(bytes.toString('utf8', start, end));
    } else {
      // If the columns change, glued rows were not indexed.
      const isTaken = this.#index.glued > 0 && this.#layout === this.#file.layout;
      const glued = isTaken && kind === 'unreadable' && gluedAt(bytes, start, end, this.#layout);
      if (glued) this.#unglue(bytes, start, glued, end, offset);
      else this.#keepForLater(offset, end - start + 1);
    }
  }

  /** True if a job's newest row begins there. Ask once for each place, in file order. */
  #isNewest(offset: number): boolean {
    if (offset !== this.#newest[this.#next]) return false;
    this.#next++;
    return true;
  }

  /**
   * True if the row's job is in the sealed part and was not retried since. Rows that another read of this
   * process indexes meanwhile are after the end, and supersede nothing here.
   */
  #isStillSettled(offset: number): boolean {
    const index = this.#index;
    if (offset >= index.from) return false;
    const slot = index.findRow(this.#reader);
    return slot === undefined || index.offset(slot) >= this.#end;
  }

  /** Puts a job's newest row among the finished ones, after them, or into the archive. */
  #place(bytes: Buffer, start: number, end: number, offset: number): void {
    const reader = this.#reader;
    const { at } = this.#file.layout;
    const isOver = isFinal(reader.status);
    const carries = isOver && reader.has(at.follow_ups);
    // A held job stays where workers look.
    const staysOpen = !isOver || this.#index.isRowHeld(reader);
    const finishedAt = reader.number(at.finished_at, Number.NaN) * 1000;
    const expired = !staysOpen && finishedAt < this.#now - this.#retention;
    if (!expired) this.#kept++;
    const rewritten = this.#layout !== this.#file.layout || carries;
    if (staysOpen && !carries) {
      this.#keepForLater(offset, end - start + 1);
    } else if (!expired && !rewritten) {
      this.#keep(bytes, start, end + 1);
    } else {
      const line = rewritten ? this.#rewrite(bytes, start, end) : `${bytes.toString('utf8', start, end)}\n`;
      if (expired) this.#expired.push({ line, finishedAt });
      else if (staysOpen) this.#laterLines.push(line);
      else this.#add(Buffer.from(line));
    }
  }

  /** Makes two glued rows two lines again; the first becomes torn, if it isn't whole. */
  #unglue(bytes: Buffer, start: number, at: number, end: number, offset: number): void {
    const first = bytes.toString('utf8', start, at);
    if (this.#isNewest(offset)) this.#keepLine(first);
    else this.#keepTorn(first + TORN);
    if (this.#isNewest(offset + at - start)) this.#keepLine(bytes.toString('utf8', at, end));
  }

  #keepLine(row: string): void {
    this.#kept++;
    this.#laterLines.push(`${row}\n`);
  }

  /** Keeps a torn line after a `#`, so that nothing a person left there is lost. */
  #keepTorn(line: string): void {
    const bytes = Buffer.from(`#${line}\n`);
    muteTorn(bytes, 0, bytes.length - 1, this.#file.layout);
    this.#laterLines.push(bytes.toString('utf8'));
  }

  /**
   * True if a comment is a superseded row whose strike has lost its dashes, by power loss, but not its `#`.
   * To `awk` it still looks like a waiting job. The digit under the `#` is one of sixteen. A row that a
   * person commented out is its job's newest, and stays.
   */
  #isHalfStruck(bytes: Buffer, start: number, end: number): boolean {
    const reader = this.#reader;
    const hash = bytes[start] as number;
    // Read it once, in place, because the kind of a line is the same with each digit.
    bytes[start] = HEX_DIGITS.charCodeAt(0);
    const isRow = reader.read(bytes, start, end) === 'row';
    bytes[start] = hash;
    if (!isRow) return false;
    const rest = reader.text(this.#file.layout.at.id).slice(1);
    return [...HEX_DIGITS].some((digit) => {
      const slot = this.#index.find(digit + rest);
      return slot !== undefined && this.#index.version(slot) > reader.version;
    });
  }

  /** Keeps unchanged lines; adjacent ones are copied together. */
  #keep(bytes: Buffer, start: number, end: number): void {
    if (this.#run?.end === start) this.#run.end = end;
    else {
      this.#endRun();
      this.#run = { bytes, start, end };
    }
  }

  #endRun(): void {
    // Copy it, because the next block uses the buffer again.
    if (this.#run) this.#output.add(Buffer.from(this.#run.bytes.subarray(this.#run.start, this.#run.end)));
    this.#run = undefined;
  }

  #add(bytes: Buffer): void {
    this.#endRun();
    this.#output.add(bytes);
  }

  /** Returns a finished row in the new layout; notes its follow-ups, and empties their column. */
  #rewrite(bytes: Buffer, start: number, end: number): string {
    const next = this.#upgrade(bytes, start, end);
    const { at } = this.#layout;
    // What can't be read stays there.
    if (decodeFollowUps(next[at.follow_ups] as string) === undefined) return joinRow(next);
    this.#parents.push(new StoredJob(next.slice(), this.#layout));
    next[at.follow_ups] = '';
    return joinRow(next);
  }

  /** Returns a row in the new layout. */
  #upgrade(bytes: Buffer, start: number, end: number): Row {
    const [row] = splitRows(bytes.toString('utf8', start, end));
    return upgrade(row as Row, this.#file.layout, this.#layout, this.#now);
  }

  /** Keeps the later of two rows with one id and version as a comment, because it must not be lost. */
  #keepDuplicate(bytes: Buffer, start: number, end: number): void {
    const [from, to] = this.#reader.span(this.#file.layout.at.status);
    const text = Buffer.from(bytes.subarray(start, end + 1));
    text.fill('-', from - start, to - start);
    this.#add(Buffer.concat([Buffer.from('#duplicate '), text]));
  }

  #keepForLater(offset: number, length: number): void {
    const last = this.#later.at(-1);
    if (last?.to === offset) last.to += length;
    else this.#later.push({ from: offset, to: offset + length });
  }

  async #copy(from: number, to: number): Promise<void> {
    const output = this.#output;
    const plain = this.#layout === this.#file.layout;
    for (let position = from; position < to; ) {
      if (plain) {
        const bytes = this.#file.readPiece(position, Math.min(PIECE, to - position));
        output.add(bytes);
        position += bytes.length;
      } else {
        position = await this.#file.eachLine(
          position,
          (bytes, start, end) => {
            if (this.#reader.read(bytes, start, end) !== 'row') {
              output.add(this.#asNoRow(bytes, start, end));
              return;
            }
            output.add(Buffer.from(joinRow(this.#upgrade(bytes, start, end))));
          },
          { to },
        );
      }
      await output.flush();
    }
  }

  /** Returns a line that is no row. If the new columns would make it one, it gets one column too many. */
  #asNoRow(bytes: Buffer, start: number, end: number): Buffer {
    const kind = new LineReader(this.#layout).read(bytes, start, end);
    const ending = kind === 'row' || kind === 'struck' ? '\t\n' : '\n';
    return Buffer.concat([bytes.subarray(start, end), Buffer.from(ending)]);
  }
}
