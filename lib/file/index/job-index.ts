import { STATUSES, type Status } from '../../job/job.js';
import type { OpenFile } from '../disk/open-file.js';
import type { Superseded } from '../disk/strike.js';
import { gluedAt } from '../format/glued.js';
import { HASH, LineReader } from '../format/line.js';
import type { StoredJob } from '../format/stored-job.js';
import { IdMap, keyOf } from './id-map.js';
import { LateRows } from './late-rows.js';
import type { SealedPart } from './sealed.js';
import { Slots, Types } from './slots.js';
import { Unreadable } from './unreadable.js';

const CODES = Object.fromEntries(STATUSES.map((status, code) => [status, code])) as Record<Status, number>;

/** The version of a job without a row. */
const NONE = -1;
/** So many bytes tell whether a file is still the same; a row's end, which is never struck. */
const ANCHOR = 32;
/** With durability 'os' no row is crossed out. Of others, what is left is found by the next one who reads the file. */
const MOST_UNCROSSED = 50_000;

/**
 * Which row is the newest of each job, and where: a few numbers a job, in flat arrays, so that a million jobs fit
 * into some 60 MB. It is fed lines in the order of the file, from any point on.
 */
export class JobIndex {
  readonly file: OpenFile;
  /** Lines before this byte are not in it. */
  readonly from: number;
  /** Lines before this byte have been read. */
  position: number;
  /** Whether all of the file was read once: before, it knows a part of the jobs. */
  isRead = false;
  /** Bytes of struck and superseded rows: what a compaction would free. */
  deadBytes = 0;
  /** Lines in which a row stands behind the beginning of another; what a compaction would put right. */
  glued = 0;
  /** Rows that may supersede one of the finished jobs that were left out. */
  lateRows = 0;
  /** Lines that can't be read. */
  readonly unreadable: Unreadable = new Unreadable();
  /** Where rows begin that have the id and the version of an earlier one: nobody's to throw away. */
  readonly duplicates: Set<number> = new Set();
  /** Called for each pending row that becomes its job's newest. */
  readonly onPending: Set<(slot: number) => void> = new Set();
  /** Called for each row that a newer one supersedes. */
  onSuperseded: ((offset: number, length: number) => void) | undefined;
  /** Superseded rows that were read as rows: a commit is about to cross them out, or was killed before it did. */
  uncrossed: Superseded[] = [];
  readonly #reader: LineReader;
  /** Jobs that may be older than what stands of them among the finished ones, which were not read. */
  readonly #unproven = new Set<number>();
  readonly #newcomers: LateRows;
  /** Some bytes of the file as they were read, and where they end. */
  #anchor: Buffer = Buffer.alloc(0);
  #anchorEnd: number;
  readonly #ids = new IdMap();
  readonly #slots = new Slots();
  readonly #types = new Types();

  /** @param settled leaves the finished jobs out that need no reading; without it all lines are read */
  constructor(file: OpenFile, settled: SealedPart = { end: file.start, newFrom: file.start }) {
    this.file = file;
    this.from = settled.end;
    this.position = settled.end;
    this.#anchorEnd = settled.end;
    this.#newcomers = new LateRows(settled.newFrom);
    this.#reader = new LineReader(file.layout);
  }

  /** How many jobs. Slots are the numbers below. */
  get size(): number {
    return this.#ids.size;
  }

  /** The job's slot, or undefined for an id that is in no row. */
  find(id: string): number | undefined {
    return this.#ids.get(keyOf(id));
  }

  /** The same for the job of the row that a reader of this file has read last. */
  findRow(row: LineReader): number | undefined {
    const { id } = this.file.layout.at;
    return this.#ids.get(row.bytes, row.from(id), row.to(id));
  }

  status(slot: number): Status {
    return STATUSES[this.#slots.status[slot] as number] as Status;
  }

  offset(slot: number): number {
    return this.#slots.offset[slot] as number;
  }

  length(slot: number): number {
    return this.#slots.length[slot] as number;
  }

  version(slot: number): number {
    return this.#slots.version[slot] as number;
  }

  type(slot: number): string {
    return this.#types.name(this.#slots.type[slot] as number);
  }

  /** Of a pending job. */
  priority(slot: number): number {
    return this.#slots.priority[slot] as number;
  }

  /** Of a pending job, in ms. */
  runAt(slot: number): number {
    return this.#slots.runAt[slot] as number;
  }

  get #isPart(): boolean {
    return this.from > this.file.start;
  }

  /** Where all newest rows begin, in the order of the file. */
  offsets(): Float64Array {
    return this.#slots.offset.slice(0, this.size).sort();
  }

  /** Every slot in this state, in no particular order. */
  *withStatus(status: Status): IterableIterator<number> {
    const code = CODES[status];
    for (let slot = 0; slot < this.size; slot++) if (this.#slots.status[slot] === code) yield slot;
  }

  /** Whether there is a line with this id that can't be read: the job waits until a person has looked at it. */
  isHeld(id: string): boolean {
    return !this.unreadable.isEmpty && this.unreadable.has(keyOf(id));
  }

  /** The same for the job of a row. */
  isRowHeld(row: LineReader): boolean {
    return !this.unreadable.isEmpty && this.unreadable.has(row.field(this.file.layout.at.id));
  }

  /** Every id that is held. */
  held(): string[] {
    const keys = [...this.unreadable.keys()].filter((key) => this.#ids.has(key));
    return keys.map((key) => Buffer.from(key, 'latin1').toString());
  }

  /** Reads on to the end of the file. */
  async catchUp(): Promise<void> {
    const position = await this.file.eachLine(this.position, (bytes, start, end, offset) => {
      // Another call may have read these lines while this one waited for the disk.
      if (offset < this.position) return;
      this.add(bytes, start, end, offset);
      this.position = offset + end - start + 1;
    });
    this.moveTo(Math.max(this.position, position));
    this.#newcomers.clear();
    if (this.#unproven.size > 0) await this.#prove();
  }

  /** All lines before this byte are known now. */
  moveTo(position: number): void {
    this.position = position;
    this.#anchor = this.#bytesBefore(position);
    this.#anchorEnd = position;
  }

  /**
   * Whether the file still is what was read of it, as far as its length and the last bytes tell: an editor that
   * wrote into it in place has moved them.
   */
  isIntact(): boolean {
    return this.#bytesBefore(this.#anchorEnd).equals(this.#anchor);
  }

  #bytesBefore(position: number): Buffer {
    const from = Math.max(this.from, position - ANCHOR);
    return this.file.readPiece(from, position - from);
  }

  /** Compares the unproven jobs with what stands of them among the finished ones: of two equals that one stands. */
  async #prove(): Promise<void> {
    const unproven = new Set(this.#unproven);
    this.#unproven.clear();
    const reader = new LineReader(this.file.layout);
    await this.file.eachLine(
      this.file.start,
      (bytes, start, end, offset) => {
        if (bytes[start] === HASH || reader.read(bytes, start, end) !== 'row') return;
        const slot = this.findRow(reader);
        if (slot === undefined || !unproven.has(slot)) return;
        if (reader.version < this.version(slot)) return this.#addUncrossed(offset, end - start);
        this.duplicates.add(this.#slots.offset[slot] as number);
        this.#slots.offset[slot] = offset;
        this.#slots.length[slot] = end - start;
        this.#slots.version[slot] = reader.version;
        this.#slots.status[slot] = CODES[reader.status];
      },
      { to: this.from },
    );
  }

  /** Takes in one line. */
  add(bytes: Buffer, start: number, end: number, offset: number): void {
    const reader = this.#reader;
    const kind = reader.read(bytes, start, end);
    if (kind === 'struck') this.#addStruck(offset, end - start);
    else if (kind === 'row') this.#addRow(bytes, offset, end - start);
    else if (kind === 'unreadable') {
      this.unreadable.add(reader.field(0), offset, end - start);
      if (gluedAt(bytes, start, end, this.file.layout) !== undefined) this.glued++;
    }
  }

  /** Takes in a row that was just appended, without reading it again. @param slot of its job, if known */
  learn(job: StoredJob, slot: number | undefined, offset: number, length: number): void {
    const { status } = job;
    const into = slot ?? this.#slotOf(keyOf(job.id));
    if (!this.#put(into, offset, length, job.version, status)) return;
    if (slot === undefined) this.#slots.type[into] = this.#types.code(keyOf(job.type));
    if (status === 'pending') this.#setPending(into, job.priority, job.runAt);
  }

  #addStruck(offset: number, length: number): void {
    const { at } = this.file.layout;
    const reader = this.#reader;
    this.deadBytes += length + 1;
    if (this.#isPart) this.#newcomers.addStruck(offset, reader.field(at.version), reader.field(at.id));
  }

  #addRow(bytes: Buffer, offset: number, length: number): void {
    const reader = this.#reader;
    const { at } = this.file.layout;
    const slot = this.#slotOf(bytes, reader.from(at.id), reader.to(at.id));
    const isFirst = this.#slots.version[slot] === NONE;
    if (!this.#put(slot, offset, length, reader.version, reader.status)) return;
    const isLater = isFirst && reader.version > 1 && this.#isPart;
    if (isLater && this.#newcomers.mayOvertake(offset, reader.field(at.id))) {
      this.#unproven.add(slot);
      this.lateRows++;
    }
    this.#slots.type[slot] = this.#types.codeAt(bytes, reader.from(at.type), reader.to(at.type));
    if (reader.status === 'pending')
      this.#setPending(slot, reader.number(at.priority, 0), reader.number(at.run_at, 0) * 1000);
  }

  #addUncrossed(offset: number, length: number): void {
    if (this.uncrossed.length < MOST_UNCROSSED) this.uncrossed.push({ offset, length });
  }

  /** Of a new job there is no row yet. */
  #slotOf(id: string | Buffer, from?: number, to?: number): number {
    const known = this.#ids.size;
    const slot = this.#ids.numberOf(id, from, to);
    if (slot < known) return slot;
    this.#slots.makeRoomFor(slot);
    this.#slots.version[slot] = NONE;
    return slot;
  }

  /** @returns whether it is its job's newest row */
  #put(slot: number, offset: number, length: number, version: number, status: Status): boolean {
    const before = this.#slots.version[slot] as number;
    // Of two with the same version the earlier stands.
    if (version <= before) {
      if (version === before) this.duplicates.add(offset);
      else this.#addUncrossed(offset, length);
      this.deadBytes += length + 1;
      return false;
    }
    if (before !== NONE) {
      const [from, old] = [this.#slots.offset[slot] as number, this.#slots.length[slot] as number];
      this.deadBytes += old + 1;
      if (this.onSuperseded === undefined) this.#addUncrossed(from, old);
      else this.onSuperseded(from, old);
    }
    this.#slots.offset[slot] = offset;
    this.#slots.length[slot] = length;
    this.#slots.version[slot] = version;
    this.#slots.status[slot] = CODES[status];
    return true;
  }

  #setPending(slot: number, priority: number, runAt: number): void {
    this.#slots.priority[slot] = priority;
    this.#slots.runAt[slot] = runAt;
    for (const listener of this.onPending) listener(slot);
  }
}
