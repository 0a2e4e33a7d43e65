import { Admissions } from '../admission/admission.js';
import { ClaimView } from '../admission/claim-view.js';
import type { WorkerFacts } from '../admission/worker-facts.js';
import type { JobIndex } from '../index/job-index.js';
import { runningJobs } from '../index/rows.js';
import type { Store } from '../store.js';
import { DueJobs } from './due-jobs.js';
import { DueSchedules, type ScheduleEvents } from './due-schedules.js';
import { type Candidate, pickCandidates } from './pick.js';

/** The result of {@link DueQueue.take}. */
export interface Picked {
  readonly candidates: readonly Candidate[];
  /** True if due jobs wait because `maxWorkers` others are at work. */
  readonly isCrowdedOut: boolean;
}

/**
 * The due jobs and schedules of a queue, as far as the file was read. When the store makes another index, as for a new file, the due
 * queue starts again from that index.
 */
export class DueQueue {
  readonly schedules: DueSchedules;
  readonly #store: Store;
  readonly #worker: WorkerFacts;
  readonly #onUnhandled: (type: string, jobs: number) => void;
  #due: DueJobs | undefined;
  /** True if the last pick found nothing to claim and nothing has changed since. */
  #isDry = false;
  /** The slots whose rows were not where the index says. */
  #gone: number[] = [];
  /** How many due jobs without a handler were reported, by type. */
  readonly #unhandled = new Map<string, number>();
  /** The slots of due jobs without a handler that are not reported yet. */
  #untold: number[] = [];

  /** @param onUnhandled called with the number of a type's due jobs without a handler; never under the lock */
  constructor(store: Store, worker: WorkerFacts, onUnhandled: (type: string, jobs: number) => void) {
    this.#store = store;
    this.schedules = new DueSchedules(store, worker.room);
    this.#worker = worker;
    this.#onUnhandled = onUnhandled;
    store.onIndex.add(this.follow);
  }

  /** The index of the file; undefined if there is no file. */
  get index(): JobIndex | undefined {
    return this.#due?.index;
  }

  /** Collects the due jobs again from this index. Does nothing if it is the index in use. */
  readonly follow = (index: JobIndex): void => {
    if (this.#due?.index === index) return;
    this.leave();
    this.#due = new DueJobs(index, this.#store.clock.now(), (slot) => this.#accepts(index, slot));
    this.schedules.follow(index);
  };

  /** Forgets all jobs, because the file is gone or read again. */
  leave(): void {
    this.#due?.close();
    this.schedules.leave();
    this.#due = undefined;
    this.#unhandled.clear();
    this.#untold = [];
    this.#gone = [];
    this.#isDry = false;
  }

  /**
   * True if the index is wrong about a file that was read to its end: a row is missing, and no other row
   * supersedes it. Then a person must have edited the file in place. Reading this clears the list of missing rows.
   */
  get isStale(): boolean {
    const gone = this.#gone.splice(0);
    return gone.some((slot) => this.index?.status(slot) === 'pending');
  }

  /** Makes the jobs of schedules whose slots are due. @throws the store's errors */
  async fire(events: ScheduleEvents): Promise<void> {
    await this.schedules.fire(this.#store.clock.now(), events);
    this.refresh();
  }

  /** Makes the next pick look again: jobs that could not be claimed before may be claimable now. */
  refresh(): void {
    this.#isDry = false;
  }

  /** True if there may be a job to claim. @param isIdle true if the worker has claimed nothing */
  any(now: number, isIdle: boolean): boolean {
    const any = !this.#isDry && (this.#due?.any(now, isIdle) ?? false);
    this.#tell();
    return any;
  }

  /** Returns when the next waiting job is due, in ms. */
  next(): number | undefined {
    return this.#due?.next();
  }

  /** Picks jobs to claim. @param isIdle true if the worker has claimed nothing */
  take(limit: number, { isIdle, hasPlace }: { isIdle: boolean; hasPlace: boolean }): Picked {
    const now = this.#store.clock.now();
    if (this.#due === undefined || !this.#due.any(now, isIdle))
      return { candidates: [], isCrowdedOut: false };
    const { index } = this.#due;
    const look = { index, now, hasPlace, running: () => runningJobs(index) };
    const admissions = new Admissions(new ClaimView(this.#worker, look));
    const candidates = this.#pick(limit, isIdle, now, admissions);
    this.#isDry = candidates.length === 0;
    this.#tell();
    return { candidates, isCrowdedOut: admissions.isCrowdedOut };
  }

  /** Takes more jobs after {@link take}, from this index. Called under the lock; {@link putBack} follows. */
  takeMore(index: JobIndex, limit: number, admissions: Admissions): Candidate[] {
    this.follow(index);
    const now = this.#store.clock.now();
    // take() may have checked this for another index.
    return this.#due?.any(now, false) ? this.#pick(limit, false, now, admissions) : [];
  }

  /** Puts back the candidates of {@link take} that this worker did not claim. */
  putBack(candidates: readonly Candidate[]): void {
    // With a new index, the due jobs were collected again.
    for (const { index, slot } of candidates) if (index === this.#due?.index) this.#due.putBack(slot);
    this.#tell();
  }

  close(): void {
    this.#store.onIndex.delete(this.follow);
    this.#due?.close();
    this.schedules.leave();
  }

  #pick(limit: number, isIdle: boolean, now: number, admissions: Admissions): Candidate[] {
    const due = this.#due as DueJobs;
    const onRowMissing = (slot: number): void => void this.#gone.push(slot);
    return pickCandidates({ worker: this.#worker, due, now, limit, isIdle, admissions, onRowMissing });
  }

  #accepts(index: JobIndex, slot: number): boolean {
    if (this.#worker.types.has(index.type(slot))) return true;
    this.#untold.push(slot);
    return false;
  }

  #tell(): void {
    this.#worker.room.tell();
    const { index } = this;
    // Before the file is read to its end, a finished job may seem to wait.
    if (!index?.isRead || this.#untold.length === 0) return;
    const types = new Set<string>();
    for (const slot of this.#untold) {
      if (index.status(slot) !== 'pending') continue;
      const type = index.type(slot);
      types.add(type);
      this.#unhandled.set(type, (this.#unhandled.get(type) ?? 0) + 1);
    }
    this.#untold = [];
    for (const type of types) this.#onUnhandled(type, this.#unhandled.get(type) as number);
  }
}
