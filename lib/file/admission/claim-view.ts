import { isWithin } from '../../job/clock.js';
import type { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { RunningSlots } from '../index/running-slots.js';
import { isOverdue } from '../lock/overdue.js';
import { UNJUDGED_MS } from '../lock/process-id.js';
import type { WorkerFacts } from './worker-facts.js';

/** The state of the queue and of the worker at one moment. */
export interface Look {
  readonly index: JobIndex;
  /** In ms since 1970. */
  readonly now: number;
  /** True if the worker has claimed jobs, and has one of the `maxWorkers` places for them. */
  readonly hasPlace: boolean;
  /** Yields every job that is processing. */
  readonly running: () => Iterable<StoredJob>;
  /** Gives the rows that come into the file together with the claims. */
  readonly changes: () => Iterable<StoredJob>;
  /** How many jobs with a limit may be claimed; see {@link Executor.mostLimited}. */
  readonly mostLimited: number;
}

/** The facts for the rules of admission: read without the lock to pick jobs, under it to claim them. */
export class ClaimView {
  readonly worker: WorkerFacts;
  readonly index: JobIndex;
  readonly now: number;
  readonly hasPlace: boolean;
  readonly mostLimited: number;
  /** Why the limits file can't be used; undefined if it can, or was not needed. */
  limitsError: unknown;
  readonly #look: Look;
  #types: Map<string, ReadonlySet<string>> | undefined;

  constructor(worker: WorkerFacts, look: Look) {
    this.worker = worker;
    this.index = look.index;
    this.now = look.now;
    this.hasPlace = look.hasPlace;
    this.mostLimited = look.mostLimited;
    this.#look = look;
  }

  /** True if the worker has no place, and `maxWorkers` others are at work. Only under the lock is it exact. */
  get isCrowded(): boolean {
    return !this.hasPlace && this.othersAtWork.size >= this.worker.maxWorkers;
  }

  /** The slots of the jobs that are processing in the file. */
  get runningSlots(): Iterable<number> {
    return RunningSlots.of(this.index);
  }

  /** The rows that come into the file together with the claims. */
  get changes(): () => Iterable<StoredJob> {
    return this.#look.changes;
  }

  /** Reads new lines of the limits file. @returns false if it can't be used: then no job with a rate limit starts */
  readLimits(): boolean {
    try {
      this.worker.limits.read(this.now);
      return true;
    } catch (error) {
      this.limitsError = error;
      return false;
    }
  }

  /** The other workers with claims that are not overdue, each with the types of these claims. */
  get othersAtWork(): ReadonlyMap<string, ReadonlySet<string>> {
    this.#types ??= this.#findOthers();
    return this.#types;
  }

  #findOthers(): Map<string, Set<string>> {
    const { store, owner } = this.worker;
    const { timeout } = this.worker.types.fallback;
    const { processes } = store;
    const { now } = this;
    const others = new Map<string, Set<string>>();
    /** When each of the others last claimed, in ms. */
    const last = new Map<string, number>();
    for (const job of this.#look.running()) {
      const { lockedBy: by, startedAt = 0 } = job;
      if (by === owner || isOverdue(job, processes, now, timeout)) continue;
      const types = others.get(by) ?? new Set();
      others.set(by, types.add(job.type));
      last.set(by, Math.max(last.get(by) ?? 0, startedAt));
    }
    // A worker that can't be judged counts for a while after its last claim.
    for (const [by, since] of last) {
      if (processes.liveness(by) === 'unknown' && !isWithin(UNJUDGED_MS, since, now)) others.delete(by);
    }
    return others;
  }
}
