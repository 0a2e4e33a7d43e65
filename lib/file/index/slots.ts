import { STATUSES, type Status } from '../../job/job.js';
import { isForgotten } from '../format/forgotten.js';
import type { Layout } from '../format/layout.js';
import type { LineReader } from '../format/line.js';
import type { StoredJob } from '../format/stored-job.js';
import { keyOf } from './id-map.js';

/** Each status's position in STATUSES. */
export const CODES = Object.fromEntries(STATUSES.map((status, code) => [status, code])) as Record<
  Status,
  number
>;

/** The version that {@link Slots} has for a job without a row. */
export const NONE = -1;

/** The states in which a row has a time at which it is due. */
export type DueStatus = 'pending' | 'recurring';
export type DueListeners = Readonly<Record<DueStatus, Set<(slot: number) => void>>>;
export const isDueAt = (status: Status): status is DueStatus =>
  status === 'pending' || status === 'recurring';

/** A few numbers about each job's newest row, in flat arrays that grow. */
export class Slots {
  offset: Float64Array = new Float64Array(1024);
  length: Uint32Array = new Uint32Array(1024);
  version: Float64Array = new Float64Array(1024);
  /** Code from {@link CODES}. */
  status: Uint8Array = new Uint8Array(1024);
  /** Code from {@link Names}. */
  type: Uint32Array = new Uint32Array(1024);
  /** Code from {@link Names}. */
  group: Uint32Array = new Uint32Array(1024);
  /** Only for a pending job. */
  priority: Float64Array = new Float64Array(1024);
  /** In ms; only for a pending job or a schedule. */
  runAt: Float64Array = new Float64Array(1024);

  /** The finished jobs that callers no longer see. */
  readonly forgotten: Set<number> = new Set();

  readonly #types = new Names();
  readonly #groups = new Names('');

  typeOf(slot: number): string {
    return this.#types.name(this.type[slot] as number);
  }

  groupOf(slot: number): string {
    return this.#groups.name(this.group[slot] as number);
  }

  /** Notes the type and the group of a job, and if it is forgotten. @param isNew false if the slot had a row of the job before */
  nameJob(slot: number, job: StoredJob, isNew: boolean): void {
    if (isNew) this.type[slot] = this.#types.code(keyOf(job.type));
    const { group } = job;
    // Few jobs have one.
    this.group[slot] = group === '' ? 0 : this.#groups.code(keyOf(group));
    if (job.isForgotten) this.forgotten.add(slot);
  }

  /** Notes the same of the row that was read last. */
  nameRow(slot: number, row: LineReader, layout: Layout): void {
    const { at } = layout;
    this.type[slot] = this.#types.codeAt(row.bytes, row.from(at.type), row.to(at.type));
    this.group[slot] = row.has(at.group)
      ? this.#groups.codeAt(row.bytes, row.from(at.group), row.to(at.group))
      : 0;
    if (isForgotten(row, layout)) this.forgotten.add(slot);
  }

  /** Adds the next slot, without a row. */
  add(slot: number): void {
    if (slot >= this.offset.length) this.#grow();
    this.version[slot] = NONE;
  }

  /** Notes a row as its job's newest. */
  put(slot: number, offset: number, length: number, version: number, status: Status): void {
    this.offset[slot] = offset;
    this.length[slot] = length;
    this.version[slot] = version;
    this.status[slot] = CODES[status];
  }

  #grow(): void {
    this.offset = larger(this.offset);
    this.length = larger(this.length);
    this.version = larger(this.version);
    this.status = larger(this.status);
    this.type = larger(this.type);
    this.group = larger(this.group);
    this.priority = larger(this.priority);
    this.runAt = larger(this.runAt);
  }
}

function larger<T extends Float64Array | Uint32Array | Uint8Array>(old: T): T {
  const array = new (old.constructor as new (length: number) => T)(old.length * 2);
  array.set(old);
  return array;
}

/** Numbers the types of jobs, or their groups. */
export class Names {
  readonly #names: string[] = [];
  readonly #codes = new Map<string, number>();
  #last: Buffer | undefined;
  #lastCode = 0;

  /** @param known names that are numbered first */
  constructor(...known: string[]) {
    for (const name of known) this.code(name);
  }

  /** Returns a name's number. @param key from keyOf() */
  code(key: string): number {
    let code = this.#codes.get(key);
    if (code === undefined) {
      code = this.#names.length;
      this.#codes.set(key, code);
      this.#names.push(Buffer.from(key, 'latin1').toString());
    }
    return code;
  }

  /** Returns the number of the name in bytes[from, to). Makes no string if the row before has the same name. */
  codeAt(bytes: Buffer, from: number, to: number): number {
    if (this.#last === undefined || !isSame(this.#last, bytes, from, to)) {
      this.#last = Buffer.from(bytes.subarray(from, to));
      this.#lastCode = this.code(bytes.toString('latin1', from, to));
    }
    return this.#lastCode;
  }

  name(code: number): string {
    return this.#names[code] as string;
  }
}

function isSame(word: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (word.length !== to - from) return false;
  for (let i = 0; i < word.length; i++) if (word[i] !== bytes[from + i]) return false;
  return true;
}
