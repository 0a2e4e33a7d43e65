import { muteTorn } from '../format/cross-out.js';
import { decodeFollowUps, withoutFollowUps } from '../format/follow-ups.js';
import { isForgotten } from '../format/forgotten.js';
import { gluedAt } from '../format/glued.js';
import { LineReader, TORN } from '../format/line.js';
import { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { isMark } from '../index/sealed.js';
import type { JobFiles } from '../job-files/job-files.js';
import { isOverIn, releaseOf } from '../joins/release.js';
import type { ArchiveWriter } from './archive-writer.js';
import type { AsideFile } from './aside-file.js';
import type { CompactedFile } from './compacted-file.js';
import { type Destination, destinationOf, type LeavingRules, type OldLine } from './destination.js';
import { finishedBytes } from './policy.js';
import { isPurged, type Purge } from './purge.js';

const HEX_DIGITS = '0123456789abcdef';
/** With fewer bytes of finished rows there is no sealed part, because scanning them costs nothing. */
const WORTH_A_MARK = 64 * 1024;

/** The rules of a pass: which finished jobs leave the file, and what is purged. */
export interface PassRules extends LeavingRules {
  readonly purge: Purge | undefined;
  readonly aside: AsideFile | undefined;
  /** The files of jobs; undefined if there are none. */
  readonly jobFiles: JobFiles | undefined;
}

/** One pass over the old file that puts each line where it goes. */
export class CompactionPass {
  readonly #index: JobIndex;
  readonly #target: CompactedFile;
  readonly #archive: ArchiveWriter;
  readonly #rules: PassRules;
  readonly #reader: LineReader;
  /** Where the newest rows begin, and which of them comes next. */
  readonly #newest: Float64Array;
  #next = 0;
  /** Lines after this byte of the old file are left out, because an append without the lock is done again. */
  readonly #end: number;
  /** The rows that carry jobs, which may have no rows of their own yet. */
  readonly #carriers: StoredJob[] = [];
  #kept = 0;
  /** How many jobs were left out, without going to the archive. */
  #dropped = 0;

  constructor(index: JobIndex, target: CompactedFile, archive: ArchiveWriter, rules: PassRules) {
    this.#index = index;
    this.#target = target;
    this.#archive = archive;
    this.#rules = rules;
    this.#reader = new LineReader(index.file.layout);
    this.#newest = index.offsets();
    this.#end = index.position;
  }

  /** @param recover makes the missing rows of jobs that rows carry @param added lines of new jobs */
  async write(
    recover: (carriers: readonly StoredJob[]) => Promise<readonly StoredJob[]>,
    added?: AsyncIterable<Buffer>,
  ): Promise<{ kept: number; dropped: number; recovered: number }> {
    const { file } = this.#index;
    this.#target.begin(finishedBytes(this.#index) > WORTH_A_MARK);
    await file.eachLine(file.start, (bytes, start, end, offset) => this.#put(bytes, start, end, offset), {
      to: this.#end,
      // Write block by block, so that only one is in memory.
      afterBlock: async () => {
        await this.#target.flush();
        await this.#archive.flush();
      },
    });
    const recovered = await recover(this.#carriers);
    for (const { line } of recovered) this.#target.addOpen(line);
    await this.#target.finish(added);
    return { kept: this.#kept + recovered.length, dropped: this.#dropped, recovered: recovered.length };
  }

  #put(bytes: Buffer, start: number, end: number, offset: number): void {
    const line = this.#describe(bytes, start, end, offset);
    // If the columns change, glued rows were not indexed.
    const mayBeGlued = line.kind === 'unreadable' && this.#index.glued > 0 && !this.#target.isUpgrade;
    const glued = mayBeGlued ? gluedAt(bytes, start, end, this.#target.layout) : undefined;
    const destination = destinationOf(line, this.#rules);
    if (glued !== undefined) this.#unglue(bytes, start, glued, end, offset);
    else if (this.#rules.aside?.takes(line, bytes, start, end)) return;
    else if (line.kind === 'newest') this.#putRow(destination, bytes, start, end, offset);
    else if (line.kind === 'torn') this.#keepTorn(bytes.toString('utf8', start, end));
    else if (line.kind === 'duplicate') this.#keepDuplicate(bytes, start, end);
    else if (destination === 'open') this.#target.keepOpen(offset, end - start + 1);
  }

  #describe(bytes: Buffer, start: number, end: number, offset: number): OldLine {
    const reader = this.#reader;
    const index = this.#index;
    const kind = reader.read(bytes, start, end);
    if (kind === 'comment') {
      const isObsolete = isMark(bytes, start, end) || this.#isHalfStruck(bytes, start, end);
      return { kind: isObsolete ? 'obsolete' : kind };
    }
    if (kind !== 'row') return { kind };
    if (!this.#isNewest(offset) && !this.#isStillSettled(offset))
      return { kind: index.duplicates.has(offset) ? 'duplicate' : 'superseded' };
    return {
      kind: 'newest',
      status: reader.status,
      isHeld: !index.unreadable.isEmpty && index.isHeld(reader.text(index.file.layout.at.id)),
      finishedAt: this.#finishedAt,
      isPurged: this.#isPurged(),
      isForgotten: isForgotten(reader, index.file.layout),
    };
  }

  /** True if a purge takes out the job whose row was read last. */
  #isPurged(): boolean {
    const { purge, now } = this.#rules;
    if (purge === undefined) return false;
    const reader = this.#reader;
    const { at } = this.#index.file.layout;
    const createdAt = reader.number(at.created_at, 0) * 1000;
    const { status } = reader;
    const id = purge.ids === undefined ? '' : reader.text(at.id);
    const job = { id, status, type: reader.text(at.type), createdAt, finishedAt: this.#finishedAt };
    return isPurged(purge, job, now);
  }

  /** When the job of the row read last finished, in ms; NaN if unreadable. */
  get #finishedAt(): number {
    return this.#reader.number(this.#index.file.layout.at.finished_at, Number.NaN) * 1000;
  }

  /** True if a job's newest row begins at `offset`. Ask once for each row, in file order. */
  #isNewest(offset: number): boolean {
    if (offset !== this.#newest[this.#next]) return false;
    this.#next++;
    return true;
  }

  /**
   * True if the row's job is in the sealed part and was not retried since. Rows that another read of this
   * process indexes meanwhile are after {@link #end}, and don't count here.
   */
  #isStillSettled(offset: number): boolean {
    const index = this.#index;
    if (offset >= index.from) return false;
    const slot = index.findRow(this.#reader);
    return slot === undefined || index.offset(slot) >= this.#end;
  }

  /**
   * True if a comment is a superseded row whose strike has lost its dashes, by power loss, but not its `#`.
   * To `awk` it still looks like a waiting job. The digit under the `#` is one of sixteen. A row that a person
   * commented out stays, because it is its job's newest.
   */
  #isHalfStruck(bytes: Buffer, start: number, end: number): boolean {
    const reader = this.#reader;
    const hash = bytes[start] as number;
    // Read the line once, in place, because its kind is the same with each digit.
    bytes[start] = HEX_DIGITS.charCodeAt(0);
    const isRow = reader.read(bytes, start, end) === 'row';
    bytes[start] = hash;
    if (!isRow) return false;
    const rest = reader.text(this.#index.file.layout.at.id).slice(1);
    return [...HEX_DIGITS].some((digit) => {
      const slot = this.#index.find(digit + rest);
      return slot !== undefined && this.#index.version(slot) > reader.version;
    });
  }

  /** Puts the row read last, which is its job's newest, where it goes. */
  #putRow(to: Destination, bytes: Buffer, start: number, end: number, offset: number): void {
    const reader = this.#reader;
    const { at } = this.#index.file.layout;
    const carries = reader.has(at.follow_ups);
    const leaves = to === 'drop' || to === 'archive';
    this.#rules.jobFiles?.[leaves ? 'leaves' : 'stays'](reader.text(at.id));
    const isRewritten = carries || this.#target.isUpgrade;
    if (to === 'drop') {
      this.#dropped++;
      // The jobs that it carries stay.
      if (carries) this.#rewritten(bytes, start, end);
      return;
    }
    if (to !== 'archive') this.#kept++;
    const released = reader.status === 'waiting' ? this.#released(bytes, start, end) : undefined;
    if (released !== undefined) this.#target.addOpen(released.line);
    else if (to === 'open' && !carries) this.#target.keepOpen(offset, end - start + 1);
    else if (to === 'sealed' && !isRewritten) this.#target.seal(bytes, start, end + 1);
    else {
      const line = isRewritten ? this.#rewritten(bytes, start, end) : bytes.toString('utf8', start, end + 1);
      if (to === 'archive') this.#archive.add(line, this.#finishedAt);
      else if (to === 'open') this.#target.addOpen(line);
      else this.#target.sealLine(Buffer.from(line));
    }
  }

  /** Returns the next row of a job that waits for jobs that have ended, whose release a crash cut off. */
  #released(bytes: Buffer, start: number, end: number): StoredJob | undefined {
    const job = this.#upgraded(bytes, start, end);
    const change = releaseOf(job, this.#target.now, (id) => isOverIn(this.#index, id));
    return change && job.next(change);
  }

  /** Returns the row read last in the new layout. */
  #upgraded(bytes: Buffer, start: number, end: number): StoredJob {
    return new StoredJob(this.#target.upgraded(bytes, start, end), this.#target.layout);
  }

  /** Returns a row in the new layout; notes the jobs that it carries, and empties their column. */
  #rewritten(bytes: Buffer, start: number, end: number): string {
    const job = this.#upgraded(bytes, start, end);
    // A field that can't be read stays as it is.
    if (decodeFollowUps(job.followUps) === undefined) return job.line;
    this.#carriers.push(job);
    return withoutFollowUps(job).line;
  }

  /** Makes two lines of two glued rows again. The first becomes a torn line if it isn't whole. */
  #unglue(bytes: Buffer, start: number, at: number, end: number, offset: number): void {
    const first = bytes.toString('utf8', start, at);
    if (this.#isNewest(offset)) this.#keepLine(first);
    else this.#keepTorn(first + TORN);
    if (this.#isNewest(offset + at - start)) this.#keepLine(bytes.toString('utf8', at, end));
  }

  #keepLine(row: string): void {
    this.#rules.jobFiles?.stays(row.slice(0, row.indexOf('\t')));
    this.#kept++;
    this.#target.addOpen(`${row}\n`);
  }

  /** Keeps a torn line after a `#`, so that nothing a person left there is lost. */
  #keepTorn(line: string): void {
    const bytes = Buffer.from(`#${line}\n`);
    muteTorn(bytes, 0, bytes.length - 1, this.#index.file.layout);
    this.#target.addOpen(bytes.toString('utf8'));
  }

  /** Keeps the later of two rows with one id and version as a comment, because it must not be lost. */
  #keepDuplicate(bytes: Buffer, start: number, end: number): void {
    const [from, to] = this.#reader.span(this.#index.file.layout.at.status);
    const text = Buffer.from(bytes.subarray(start, end + 1));
    text.fill('-', from - start, to - start);
    this.#target.sealLine(Buffer.concat([Buffer.from('#duplicate '), text]));
  }
}
