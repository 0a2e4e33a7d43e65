import type { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';
import { type Candidate, type ClaimRules, pickCandidates } from './claim.js';
import { DueJobs } from './due-jobs.js';

/** The rules of a {@link DueQueue}. */
export interface BacklogRules extends ClaimRules {
  /** Receives how many due jobs of a type have no handler; never under the lock. */
  readonly onUnhandled: (type: string, jobs: number) => void;
}

/** The jobs to claim, as far as the file was read. It follows the store's index, also into a new file. */
export class DueQueue {
  readonly #store: Store;
  readonly #rules: BacklogRules;
  #due: DueJobs | undefined;
  /** True if the last look found nothing to claim and nothing has changed. */
  #dry = false;
  /** Slots whose rows were not where the index says. */
  #gone: number[] = [];
  /** How many due jobs without a handler were reported, by type. */
  readonly #unhandled = new Map<string, number>();
  /** The slots of those not reported yet. */
  #untold: number[] = [];

  constructor(store: Store, rules: BacklogRules) {
    this.#store = store;
    this.#rules = rules;
    store.onIndex.add(this.follow);
  }

  /** The index; undefined without a file. */
  get index(): JobIndex | undefined {
    return this.#due?.index;
  }

  /** True if the type has a handler. */
  handles(type: string): boolean {
    return this.#rules.handles(type);
  }

  /** Begins again with another index, unless it is the same. */
  readonly follow = (index: JobIndex): void => {
    if (this.#due?.index === index) return;
    this.leave();
    this.#due = new DueJobs(index, this.#store.clock.now(), (slot) => this.#accepts(index, slot));
  };

  /** Forgets all jobs, because the file is gone or read again. */
  leave(): void {
    this.#due?.close();
    this.#due = undefined;
    this.#unhandled.clear();
    this.#untold = [];
    this.#gone = [];
    this.#dry = false;
  }

  /**
   * True if the index is wrong about a file that was read to its end: a row is gone, and nothing
   * superseded it. A person edited the file in place.
   */
  get isStale(): boolean {
    const gone = this.#gone.splice(0);
    return gone.some((slot) => this.index?.status(slot) === 'pending');
  }

  /** Notes a change: jobs that could not be claimed may be free now. */
  refresh(): void {
    this.#dry = false;
  }

  /** True if there may be something to claim. @param alone the worker holds nothing */
  any(now: number, alone: boolean): boolean {
    const any = !this.#dry && (this.#due?.any(now, alone) ?? false);
    this.#tell();
    return any;
  }

  /** Returns when the next waiting job is due, in ms. */
  next(): number | undefined {
    return this.#due?.next();
  }

  /** Takes jobs to claim. @param alone the worker holds nothing */
  take(now: number, most: number, alone: boolean): Candidate[] {
    const candidates = this.#pick(now, most, alone);
    this.#dry = candidates.length === 0;
    this.#tell();
    return candidates;
  }

  /** Takes more jobs after {@link take}, from this index. Called under the lock; {@link putBack} follows. */
  takeMore(index: JobIndex, now: number, most: number): Candidate[] {
    this.follow(index);
    return this.#pick(now, most, false);
  }

  /** Puts back what {@link take} returned and no worker claimed. */
  putBack(candidates: readonly Candidate[]): void {
    // A new index finds them itself.
    for (const { index, slot } of candidates) if (index === this.#due?.index) this.#due.putBack(slot);
    this.#tell();
  }

  close(): void {
    this.#store.onIndex.delete(this.follow);
    this.#due?.close();
  }

  #pick(now: number, most: number, alone: boolean): Candidate[] {
    // takeMore has not checked this before.
    if (this.#due === undefined || !this.#due.any(now, alone)) return [];
    const onGone = (slot: number): void => void this.#gone.push(slot);
    return pickCandidates({ ...this.#rules, due: this.#due, now, most, alone, onGone });
  }

  #accepts(index: JobIndex, slot: number): boolean {
    if (this.#rules.handles(index.type(slot))) return true;
    this.#untold.push(slot);
    return false;
  }

  #tell(): void {
    const { index } = this;
    // Before it is read to the end, a finished job may seem to wait.
    if (!index?.isRead || this.#untold.length === 0) return;
    const types = new Set<string>();
    for (const slot of this.#untold) {
      if (index.status(slot) !== 'pending') continue;
      const type = index.type(slot);
      types.add(type);
      this.#unhandled.set(type, (this.#unhandled.get(type) ?? 0) + 1);
    }
    this.#untold = [];
    for (const type of types) this.#rules.onUnhandled(type, this.#unhandled.get(type) as number);
  }
}
