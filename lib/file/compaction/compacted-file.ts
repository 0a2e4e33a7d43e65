import type { OpenFile } from '../disk/open-file.js';
import { headOf, type Layout } from '../format/layout.js';
import { LineReader } from '../format/line.js';
import { joinRow, type Row, splitRows } from '../format/row.js';
import { upgrade } from '../format/upgrade.js';
import { OPEN_MARK, sealedMark } from '../index/sealed.js';
import type { Replacement } from './rewrite.js';

/** The most bytes of the open part that are copied at once. */
const PIECE = 1024 * 1024;

/**
 * Builds the new file. Finished jobs are written as they come. The open part is written after them, so its
 * lines are only noted, and copied from the old file at the end.
 */
export class CompactedFile {
  readonly layout: Layout;
  readonly #output: Replacement;
  readonly #old: OpenFile;
  /** The time of the compaction, in ms since 1970. */
  readonly now: number;
  readonly #reader: LineReader;
  /** Where the note of the sealed part is, if there is one. */
  #noteAt: number | undefined;
  /** Adjacent lines of the sealed part that are not added to the output yet. */
  #run: { bytes: Buffer; start: number; end: number } | undefined;
  /** Where the lines of the open part are in the old file; adjacent lines are merged. */
  readonly #ranges: { from: number; to: number }[] = [];
  /** New and changed lines of the open part, which come last. */
  readonly #lines: string[] = [];

  /** @param layout of the new file @param now in ms */
  constructor(output: Replacement, old: OpenFile, layout: Layout, now: number) {
    this.#output = output;
    this.#old = old;
    this.layout = layout;
    this.now = now;
    this.#reader = new LineReader(old.layout);
  }

  /** True if the new file has other columns than the old one. */
  get isUpgrade(): boolean {
    return this.layout !== this.#old.layout;
  }

  /** Writes the head. @param isSealed true if the head has the note about the end of the finished jobs */
  begin(isSealed: boolean): void {
    this.#output.add(Buffer.from(headOf(this.layout)));
    if (!isSealed) return;
    this.#noteAt = this.#output.size;
    this.#output.add(Buffer.from(sealedMark(0, 0)));
  }

  /** Adds a finished job's unchanged line. Call {@link flush} before the bytes change. @param end after its LF */
  seal(bytes: Buffer, start: number, end: number): void {
    if (this.#run?.end === start) this.#run.end = end;
    else {
      this.#endRun();
      this.#run = { bytes, start, end };
    }
  }

  /** Adds a new line to the finished jobs. */
  sealLine(line: Buffer): void {
    this.#endRun();
    this.#output.add(line);
  }

  /** Keeps a line of the old file in the open part. @param length with its LF */
  keepOpen(offset: number, length: number): void {
    const last = this.#ranges.at(-1);
    if (last?.to === offset) last.to += length;
    else this.#ranges.push({ from: offset, to: offset + length });
  }

  /** Adds a new line to the end of the open part. */
  addOpen(line: string): void {
    this.#lines.push(line);
  }

  async flush(): Promise<void> {
    this.#endRun();
    await this.#output.flush();
  }

  /** Writes the open part, and the note about where it begins. @param added lines of new jobs, which come last */
  async finish(added?: AsyncIterable<Buffer>): Promise<void> {
    const output = this.#output;
    this.#endRun();
    const end = output.size;
    if (this.#noteAt !== undefined) output.add(Buffer.from(OPEN_MARK));
    for (const { from, to } of this.#ranges) await this.#copy(from, to);
    for (const line of this.#lines) output.add(Buffer.from(line));
    await output.flush();
    for await (const bytes of added ?? []) {
      output.add(bytes);
      await output.flush();
    }
    if (this.#noteAt !== undefined) output.patch(this.#noteAt, Buffer.from(sealedMark(end, output.size)));
  }

  /** Returns a row in the new columns. */
  upgraded(bytes: Buffer, start: number, end: number): Row {
    const [row] = splitRows(bytes.toString('utf8', start, end));
    return upgrade(row as Row, this.#old.layout, this.layout, this.now);
  }

  #endRun(): void {
    if (this.#run) this.#output.add(this.#run.bytes.subarray(this.#run.start, this.#run.end));
    this.#run = undefined;
  }

  async #copy(from: number, to: number): Promise<void> {
    for (let position = from; position < to; ) {
      if (this.isUpgrade) {
        const add = (bytes: Buffer, start: number, end: number): void =>
          this.#output.add(this.#upgradedLine(bytes, start, end));
        position = await this.#old.eachLine(position, add, { to });
      } else {
        const bytes = this.#old.readPiece(position, Math.min(PIECE, to - position));
        this.#output.add(bytes);
        position += bytes.length;
      }
      await this.#output.flush();
    }
  }

  /** Returns a line in the new columns. A line that would only there become a row gets one field too many. */
  #upgradedLine(bytes: Buffer, start: number, end: number): Buffer {
    if (this.#reader.read(bytes, start, end) === 'row')
      return Buffer.from(joinRow(this.upgraded(bytes, start, end)));
    const kind = new LineReader(this.layout).read(bytes, start, end);
    const ending = kind === 'row' || kind === 'struck' ? '\t\n' : '\n';
    return Buffer.concat([bytes.subarray(start, end), Buffer.from(ending)]);
  }
}
