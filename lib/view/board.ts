import { STATUSES, type Status } from '../job/job.js';
import type { JobFacts, RowSink } from '../job/row-source.js';
import { ErrorGroups } from './error-groups.js';
import { Minutes } from './minutes.js';
import { SlotSet } from './slot-set.js';

/** For so many types the minutes are kept, because they take 120 kB each; of further types only the numbers of jobs. */
const MOST_WITH_MINUTES = 200;

/** What is kept of all jobs of one type. */
export interface TypeBoard {
  readonly name: string;
  /** How many jobs are in each state. */
  readonly counts: Record<Status, number>;
  /** How many of the failed jobs were dismissed. */
  dismissed: number;
  /** Undefined if there are too many types. */
  readonly minutes: Minutes | undefined;
}

/**
 * What a view knows of a queue's jobs: some 50 bytes for each, in flat arrays, and sums that are brought up to date with
 * each new row. So a look costs what is new.
 */
export class Board implements RowSink {
  readonly groups: ErrorGroups = new ErrorGroups();
  readonly pending: SlotSet = new SlotSet();
  readonly running: SlotSet = new SlotSet();
  readonly failed: SlotSet = new SlotSet();
  readonly types: TypeBoard[] = [];
  /** The number of keys; each smaller number may be a job's. */
  size = 0;
  /** Grows with each change, so that what was found before it can be told from what is found after it. */
  changes = 0;
  /** How often it was emptied. A key is another job's after that. */
  resets = 0;
  readonly #typeNumbers = new Map<string, number>();
  #columns = new Columns(1024);

  reset(): void {
    this.changes++;
    this.resets++;
    for (const set of [this.pending, this.running, this.failed]) set.clear();
    this.types.length = 0;
    this.#typeNumbers.clear();
    this.size = 0;
    this.#columns = new Columns(1024);
  }

  put(key: number, facts: JobFacts): void {
    this.changes++;
    if (key >= this.#columns.length) this.#columns = this.#columns.larger(key + 1);
    const columns = this.#columns;
    if (key < this.size && columns.isKnown(key)) this.#count(key, -1);
    this.size = Math.max(this.size, key + 1);
    const { status, error } = facts;
    columns.status[key] = STATUSES.indexOf(status) + 1;
    columns.type[key] = this.#typeOf(facts.type);
    columns.attempts[key] = Math.max(0, Math.min(facts.attempts, 65_535));
    columns.isDismissed[key] = facts.isDismissed ? 1 : 0;
    columns.createdAt[key] = facts.createdAt;
    columns.runAt[key] = facts.runAt;
    columns.startedAt[key] = facts.startedAt;
    columns.finishedAt[key] = facts.finishedAt;
    columns.group[key] = error === '' ? 0 : this.groups.numberOf(error);
    this.#count(key, 1);
  }

  drop(key: number): void {
    if (key >= this.size || !this.#columns.isKnown(key)) return;
    this.changes++;
    this.#count(key, -1);
    this.#columns.status[key] = 0;
  }

  /** Undefined for a number that is no job's key. */
  status(key: number): Status | undefined {
    return STATUSES[(this.#columns.status[key] ?? 0) - 1];
  }

  /** Tells pending jobs apart: those whose time has come, those that have failed and are tried again, and all others. */
  pendingState(key: number, now: number): 'due' | 'later' | 'retrying' {
    if (this.runAt(key) <= now) return 'due';
    return this.attempts(key) > 0 && this.group(key) !== 0 ? 'retrying' : 'later';
  }

  type(key: number): TypeBoard {
    return this.types[this.#columns.type[key] as number] as TypeBoard;
  }

  /** The number of the error's group; 0 if there is no error. */
  group(key: number): number {
    return this.#columns.group[key] as number;
  }

  attempts(key: number): number {
    return this.#columns.attempts[key] as number;
  }

  isDismissed(key: number): boolean {
    return this.#columns.isDismissed[key] === 1;
  }

  /** In ms, as the other times. */
  createdAt(key: number): number {
    return this.#columns.createdAt[key] as number;
  }

  runAt(key: number): number {
    return this.#columns.runAt[key] as number;
  }

  startedAt(key: number): number {
    return this.#columns.startedAt[key] as number;
  }

  finishedAt(key: number): number {
    return this.#columns.finishedAt[key] as number;
  }

  /** Adds a job to all sums, or takes it away. */
  #count(key: number, by: 1 | -1): void {
    const status = this.status(key) as Status;
    const type = this.type(key);
    type.counts[status] += by;
    const set = { pending: this.pending, processing: this.running, failed: this.failed }[status as string];
    if (by > 0) set?.add(key);
    else set?.delete(key);
    if (status !== 'completed' && status !== 'failed') return;
    if (this.isDismissed(key)) type.dismissed += by;
    const at = this.finishedAt(key);
    const startedAt = this.startedAt(key);
    if (!(at > 0)) return;
    const waited = Math.max(0, startedAt - this.runAt(key));
    type.minutes?.add({ at, isFailed: status === 'failed', ran: Math.max(0, at - startedAt), waited }, by);
  }

  #typeOf(name: string): number {
    let number = this.#typeNumbers.get(name);
    if (number === undefined) {
      number = this.types.length;
      this.#typeNumbers.set(name, number);
      const counts = Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;
      const minutes = number < MOST_WITH_MINUTES ? new Minutes() : undefined;
      this.types.push({ name, counts, dismissed: 0, minutes });
    }
    return number;
  }
}

/** A few numbers for each job, by key. */
class Columns {
  readonly length: number;
  /** The place in STATUSES, plus one; 0 for a number that is no job's key. */
  readonly status: Uint8Array;
  readonly isDismissed: Uint8Array;
  readonly attempts: Uint16Array;
  readonly type: Uint32Array;
  readonly group: Uint32Array;
  readonly createdAt: Float64Array;
  readonly runAt: Float64Array;
  readonly startedAt: Float64Array;
  readonly finishedAt: Float64Array;

  constructor(length: number) {
    this.length = length;
    this.status = new Uint8Array(length);
    this.isDismissed = new Uint8Array(length);
    this.attempts = new Uint16Array(length);
    this.type = new Uint32Array(length);
    this.group = new Uint32Array(length);
    this.createdAt = new Float64Array(length);
    this.runAt = new Float64Array(length);
    this.startedAt = new Float64Array(length);
    this.finishedAt = new Float64Array(length);
  }

  isKnown(key: number): boolean {
    return this.status[key] !== 0;
  }

  /** Returns a copy with room for more. */
  larger(least: number): Columns {
    const copy = new Columns(Math.max(least, this.length * 2));
    for (const name of Object.keys(this) as (keyof Columns)[]) {
      const [from, to] = [this[name], copy[name]];
      if (ArrayBuffer.isView(from)) (to as unknown as Uint8Array).set(from as unknown as Uint8Array);
    }
    return copy;
  }
}
