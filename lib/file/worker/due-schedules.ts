import { type ErrorCode, isInstance, TsvqError } from '../../job/errors.js';
import type { DiskRoom } from '../admission/disk-room.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { eachJob } from '../index/rows.js';
import { type Fired, type Firing, fire, MOST_BYTES, planFiring } from '../schedules/firing.js';
import type { Store } from '../store.js';

/** The most schedules that one commit fires. */
const MOST_AT_ONCE = 500;

/** The errors of a schedule that can't be used; a failed read is none of them. */
const UNUSABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['INVALID_ARGUMENT', 'NOT_INSTALLED']);

/** The worker's side of the schedules: it is told what came of them. */
export interface ScheduleEvents {
  fired(fired: Fired): void;
  warn(message: string): void;
}

/** The schedules of a queue and their next slots, as far as the file was read. */
export class DueSchedules {
  readonly #store: Store;
  readonly #room: DiskRoom;
  #index: JobIndex | undefined;
  /** The slots in the index of rows that may be due. A row that is no schedule is left out. */
  readonly #rows = new Set<number>();
  /** No schedule is due before this time, in ms. */
  #next = Number.POSITIVE_INFINITY;
  readonly #complaints = new Set<string>();

  constructor(store: Store, room: DiskRoom) {
    this.#store = store;
    this.#room = room;
  }

  /** Knows the schedules of this index from now on. */
  follow(index: JobIndex): void {
    this.#index = index;
    for (const slot of index.withStatus('recurring')) this.#add(slot);
    index.onDue.recurring.add(this.#add);
  }

  /** Forgets all schedules. */
  leave(): void {
    this.#index?.onDue.recurring.delete(this.#add);
    this.#index = undefined;
    this.#rows.clear();
    this.#next = Number.POSITIVE_INFINITY;
  }

  /** Returns when the next schedule is due, in ms; Infinity if none is to be, or if the disk has no room for its job. */
  next(): number {
    if (this.#next > this.#store.clock.now() || !this.#room.isShort()) return this.#next;
    this.#room.tell();
    return Number.POSITIVE_INFINITY;
  }

  /** Makes the jobs of all slots that are due. @throws the store's errors */
  async fire(now: number, events: ScheduleEvents): Promise<void> {
    const index = this.#index;
    if (index === undefined) return;
    const due = this.#takeDue(index, now);
    try {
      const firings: Firing[] = [];
      const slots = [...due].values();
      let bytes = 0;
      for (const row of eachJob(index, [...due])) {
        // The rest stays due, because all jobs of a commit are in memory at once.
        if (bytes >= MOST_BYTES) break;
        const slot = slots.next().value as number;
        const firing = row && (await this.#plan(index, row, now, events));
        // Without a usable row, the schedule waits for its next one.
        if (firing === undefined) due.delete(slot);
        else {
          firings.push(firing);
          bytes += firing.row.payload.length * firing.due.slots.length;
        }
      }
      if (firings.length === 0) return;
      const fired = await this.#store.update('open', (tx) => firings.map((firing) => fire(tx, firing)));
      for (const one of fired) if (one !== undefined) events.fired(one);
    } finally {
      if (index === this.#index) for (const slot of due) this.#add(slot);
    }
  }

  readonly #add = (slot: number): void => {
    const index = this.#index as JobIndex;
    if (index.status(slot) !== 'recurring') return;
    this.#rows.add(slot);
    this.#next = Math.min(this.#next, index.runAt(slot));
  };

  #takeDue(index: JobIndex, now: number): Set<number> {
    const due = new Set<number>();
    let next = Number.POSITIVE_INFINITY;
    for (const slot of this.#rows) {
      if (index.status(slot) !== 'recurring') this.#rows.delete(slot);
      else if (index.runAt(slot) > now || due.size === MOST_AT_ONCE) next = Math.min(next, index.runAt(slot));
      else due.add(slot);
    }
    for (const slot of due) this.#rows.delete(slot);
    this.#next = next;
    return due;
  }

  /** Plans a firing. For a row that can't be used it warns once, and the worker goes on. */
  async #plan(
    index: JobIndex,
    row: StoredJob,
    now: number,
    events: ScheduleEvents,
  ): Promise<Firing | undefined> {
    let why = 'its row was damaged by an edit';
    try {
      const firing = await planFiring(this.#store, index, row, now);
      if (firing !== undefined) return firing;
    } catch (error) {
      if (!isInstance(TsvqError, error) || !UNUSABLE.has(error.code)) throw error;
      why = error.message;
    }
    if (!this.#complaints.has(row.id))
      events.warn(`the schedule with the id ${row.id} can't be used: ${why}; see queue doctor`);
    this.#complaints.add(row.id);
    return undefined;
  }
}
