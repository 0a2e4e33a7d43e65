import { Admissions } from '../admission/admission.js';
import { ClaimView } from '../admission/claim-view.js';
import type { Wait } from '../admission/start-limits.js';
import type { WorkerFacts } from '../admission/worker-facts.js';
import type { StoredJob } from '../format/stored-job.js';
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

/** What a worker is told of its due jobs. None of these is called under the lock. */
export interface DueEvents {
  /** Due jobs of a type have no handler; the number of them. */
  unhandled(type: string, jobs: number): void;
  /** Due jobs wait for the rate of their type or group. */
  rateLimited(wait: Wait): void;
  /** Due jobs of the type wait because it is paused. */
  paused(type: string): void;
  /** The limits file can't be used, so jobs with a rate limit wait. */
  limitsFailed(error: unknown): void;
}

/** What a pick has to know of the worker. */
export interface Situation {
  /** True if the worker has claimed nothing. */
  readonly isIdle: boolean;
  readonly hasPlace: boolean;
  /** How many jobs with a limit may be claimed. */
  readonly mostLimited: number;
  /** The rows that come into the file together with the claims. */
  readonly changes: readonly StoredJob[];
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The due jobs and schedules of a queue, as far as the file was read. When the store makes another index, as for a new file, the due
 * queue starts again from that index.
 */
export class DueQueue {
  readonly schedules: DueSchedules;
  readonly #store: Store;
  readonly #worker: WorkerFacts;
  readonly #events: DueEvents;
  #due: DueJobs | undefined;
  /** True if the last pick found nothing to claim and nothing has changed since. */
  #isDry = false;
  /** When the first of the types opens that the last pick refused because of their rate, in ms. */
  #opensAt = NEVER;
  /** The slots whose rows were not where the index says. */
  #gone: number[] = [];
  /** How many due jobs without a handler were reported, by type. */
  readonly #unhandled = new Map<string, number>();
  /** The slots of due jobs without a handler that are not reported yet. */
  #untold: number[] = [];

  constructor(store: Store, worker: WorkerFacts, events: DueEvents) {
    this.#store = store;
    this.schedules = new DueSchedules(store, worker.room);
    this.#worker = worker;
    this.#events = events;
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
    const { types } = this.#worker;
    this.#due = new DueJobs(index, this.#store.clock.now(), types, (slot) => this.#accepts(index, slot));
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

  /** When a due job may start that waits for its rate, in ms; infinite if none does, or a pick has to find out. */
  get opensAt(): number {
    return this.#isDry ? Math.min(this.#opensAt, this.#due?.nextGroup() ?? NEVER) : NEVER;
  }

  /** Picks jobs to claim. */
  take(limit: number, { isIdle, changes, ...situation }: Situation): Picked {
    const now = this.#store.clock.now();
    if (this.#due === undefined || !this.#due.any(now, isIdle))
      return { candidates: [], isCrowdedOut: false };
    const { index } = this.#due;
    const look = { ...situation, index, now, running: () => runningJobs(index), changes: () => changes };
    const admissions = new Admissions(new ClaimView(this.#worker, look));
    const candidates = this.#pick(limit, isIdle, now, admissions);
    this.#isDry = candidates.length === 0;
    this.#tell();
    this.#tellWaits(admissions);
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
    this.#worker.limits.close();
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

  #tellWaits({ limits, view, pausedTypes }: Admissions): void {
    const waits = [...limits.waits.values()];
    this.#opensAt = Math.min(...waits.map(({ opensAt }) => opensAt));
    for (const wait of waits) this.#events.rateLimited(wait);
    for (const type of pausedTypes) this.#events.paused(type);
    if (view.limitsError !== undefined) this.#events.limitsFailed(view.limitsError);
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
    for (const type of types) this.#events.unhandled(type, this.#unhandled.get(type) as number);
  }
}
