import { STATUSES, type Status } from '../../job/job.js';
import type { OpenFile } from '../disk/open-file.js';
import type { Superseded } from '../disk/strike.js';
import { gluedAt } from '../format/glued.js';
import { LineReader } from '../format/line.js';
import type { StoredJob } from '../format/stored-job.js';
import { Anchor } from './anchor.js';
import { IdMap, keyOf } from './id-map.js';
import { JoinMap } from './join-map.js';
import { LateRows } from './late-rows.js';
import type { SealedPart } from './sealed.js';
import { CODES, type DueListeners, type DueStatus, isDueAt, NONE, Slots } from './slots.js';
import { Unreadable } from './unreadable.js';

/** The most unstruck rows kept, because with 'os' all stay unstruck. The next reader of the file finds the rest. */
const MOST_UNCROSSED = 50_000;

/**
 * Knows each job's newest row, and where that row is. It keeps a few numbers for each job, in flat arrays, so
 * that a million jobs fit into some 60 MB. It takes lines in the order of the file, from any point on.
 */
export class JobIndex {
  readonly file: OpenFile;
  /** Lines before this byte are not in the index. */
  readonly from: number;
  /** Lines before this byte have been read. */
  position: number;
  /** True once the file was read to its end; before, the index knows only some of the jobs. */
  isRead = false;
  /** The number of bytes of struck and superseded rows, which a compaction would free. */
  deadBytes = 0;
  /** The number of lines with a row glued to the beginning of another, which a compaction repairs. */
  glued = 0;
  /** The lines that can't be read. */
  readonly unreadable: Unreadable = new Unreadable();
  /** Where rows with an earlier row's id and version begin; they must not be thrown away. */
  readonly duplicates: Set<number> = new Set();
  /** Listeners that are called for each pending row that becomes its job's newest, and for each schedule's row. */
  readonly onDue: DueListeners = { pending: new Set(), recurring: new Set() };
  /** Listeners that are called for each row that becomes its job's newest. The row may only be read during the call. */
  readonly onNewest: Set<(slot: number, row: LineReader | StoredJob) => void> = new Set();
  /** A listener that is called for each row that a newer one supersedes. */
  onSuperseded: ((offset: number, length: number) => void) | undefined;
  /** Superseded rows that are not struck yet, because a commit is about to strike them, or was killed before. */
  uncrossed: Superseded[] = [];
  /** The jobs with a key, and those that wait for others. */
  readonly joins: JoinMap = new JoinMap();
  readonly #reader: LineReader;
  readonly #lateRows: LateRows;
  readonly #anchor: Anchor;
  readonly #ids = new IdMap();
  readonly #slots = new Slots();
  /** The slots of the finished jobs that callers no longer see. */
  readonly forgotten: ReadonlySet<number> = this.#slots.forgotten;

  /** @param sealed the sealed part, which is left out; without this parameter all lines are read */
  constructor(file: OpenFile, sealed: SealedPart = { end: file.start, newFrom: file.start }) {
    this.file = file;
    this.from = sealed.end;
    this.position = sealed.end;
    this.#anchor = new Anchor(file, sealed.end);
    this.#lateRows = new LateRows(file, sealed);
    this.#reader = new LineReader(file.layout);
  }

  /** The number of jobs. Slots are the numbers below it. */
  get size(): number {
    return this.#ids.size;
  }

  /** The number of late rows, which may supersede rows of the sealed part. */
  get lateRows(): number {
    return this.#lateRows.count;
  }

  /** Returns the job's slot, or undefined if no row has the id. */
  find(id: string): number | undefined {
    return this.#ids.get(keyOf(id));
  }

  /** Returns the slot of the job whose row this reader has read last. */
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
    return this.#slots.typeOf(slot);
  }

  /** Returns the group of a job; empty if it has none. */
  group(slot: number): string {
    return this.#slots.groupOf(slot);
  }

  /** Returns the priority of a pending job. */
  priority(slot: number): number {
    return this.#slots.priority[slot] as number;
  }

  /** Returns the due time of a pending job, or the next slot of a schedule, in ms. */
  runAt(slot: number): number {
    return this.#slots.runAt[slot] as number;
  }

  /** Returns where all newest rows begin, in file order. */
  offsets(): Float64Array {
    return this.#slots.offset.slice(0, this.size).sort();
  }

  /** Yields every slot in this state, in no particular order. */
  *withStatus(status: Status): IterableIterator<number> {
    const code = CODES[status];
    for (let slot = 0; slot < this.size; slot++) if (this.#slots.status[slot] === code) yield slot;
  }

  /** True if a line with this id can't be read, so that the job waits until a person has looked at the line. */
  isHeld(id: string): boolean {
    return !this.unreadable.isEmpty && this.unreadable.has(keyOf(id));
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
    await this.#lateRows.prove(
      (row) => this.findRow(row),
      (slot, row, at, length) => this.#addSealed(slot, row, at, length),
    );
  }

  /** Notes that all lines before this byte are known. */
  moveTo(position: number): void {
    this.position = position;
    this.#anchor.moveTo(position);
  }

  /** True if the file is still as it was read, as far as its length and last bytes tell. */
  isIntact(): boolean {
    return this.#anchor.isThere();
  }

  /** Adds one line. */
  add(bytes: Buffer, start: number, end: number, offset: number): void {
    const reader = this.#reader;
    const kind = reader.read(bytes, start, end);
    if (kind === 'struck') {
      this.deadBytes += end - start + 1;
      this.#lateRows.addStruck(offset, reader);
    } else if (kind === 'row') this.#addRow(bytes, offset, end - start);
    else if (kind === 'unreadable') {
      this.unreadable.add(reader.field(0), offset, end - start);
      if (gluedAt(bytes, start, end, this.file.layout) !== undefined) this.glued++;
    }
  }

  /** Adds a new row without reading it again. @param slot its job's slot, if known */
  learn(job: StoredJob, slot: number | undefined, offset: number, length: number): void {
    const { status, version } = job;
    const into = slot ?? this.#slotOf(keyOf(job.id));
    if (!this.#put(into, offset, length, version, status)) return;
    this.#slots.nameJob(into, job, slot === undefined);
    this.joins.addJob(into, job);
    if (isDueAt(status)) this.#setDue(into, status, job.priority, job.runAt);
    if (this.onNewest.size > 0) for (const listener of this.onNewest) listener(into, job);
  }

  #addRow(bytes: Buffer, offset: number, length: number): void {
    const reader = this.#reader;
    const { at } = this.file.layout;
    const slot = this.#slotOf(bytes, reader.from(at.id), reader.to(at.id));
    const isFirst = this.#slots.version[slot] === NONE;
    const { status } = reader;
    if (!this.#put(slot, offset, length, reader.version, status)) return;
    if (isFirst) this.#lateRows.add(slot, offset, reader);
    this.joins.addRow(slot, reader, this.file.layout);
    this.#slots.nameRow(slot, reader, this.file.layout);
    if (isDueAt(status))
      this.#setDue(slot, status, reader.number(at.priority, 0), reader.number(at.run_at, 0) * 1000);
    if (this.onNewest.size > 0) for (const listener of this.onNewest) listener(slot, reader);
  }

  /** Compares a job's late row with its row in the sealed part, which wins if its version isn't lower. */
  #addSealed(slot: number, { version, status }: LineReader, offset: number, length: number): void {
    if (version < this.version(slot)) this.#addUncrossed(offset, length);
    else {
      this.duplicates.add(this.offset(slot));
      this.#slots.put(slot, offset, length, version, status);
    }
  }

  #addUncrossed(offset: number, length: number): void {
    if (this.uncrossed.length < MOST_UNCROSSED) this.uncrossed.push({ offset, length });
  }

  /** Returns the job's slot; a new job gets one without a row. */
  #slotOf(id: string | Buffer, from?: number, to?: number): number {
    const known = this.#ids.size;
    const slot = this.#ids.numberOf(id, from, to);
    if (slot >= known) this.#slots.add(slot);
    return slot;
  }

  /** Adds a row's numbers. @returns true if the row is its job's newest */
  #put(slot: number, offset: number, length: number, version: number, status: Status): boolean {
    const before = this.#slots.version[slot] as number;
    // With equal versions the earlier row wins.
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
    this.#slots.put(slot, offset, length, version, status);
    return true;
  }

  #setDue(slot: number, status: DueStatus, priority: number, runAt: number): void {
    this.#slots.priority[slot] = priority;
    this.#slots.runAt[slot] = runAt;
    for (const listener of this.onDue[status]) listener(slot);
  }
}
