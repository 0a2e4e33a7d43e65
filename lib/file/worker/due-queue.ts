import { Admissions } from '../admission/admission.js';
import { ClaimView } from '../admission/claim-view.js';
import type { WorkerFacts } from '../admission/worker-facts.js';
import type { JobIndex } from '../index/job-index.js';
import { runningJobs } from '../index/rows.js';
import type { Store } from '../store.js';
import { DueJobs } from './due-jobs.js';
import { type Candidate, pickCandidates } from './pick.js';

/** The result of {@link DueQueue.take}. */
export interface Picked {
  readonly candidates: readonly Candidate[];
  /** True if due jobs wait because too many other workers are at work. */
  readonly isCrowdedOut: boolean;
}

/** The jobs to claim, as far as the file was read. It follows the store's index, also into a new file. */
export class DueQueue {
  readonly #store: Store;
  readonly #worker: WorkerFacts;
  readonly #onUnhandled: (type: string, jobs: number) => void;
  #due: DueJobs | undefined;
  /** True if the last look found nothing to claim and nothing has changed. */
  #isDry = false;
  /** Slots whose rows were not where the index says. */
  #gone: number[] = [];
  /** How many due jobs without a handler were reported, by type. */
  readonly #unhandled = new Map<string, number>();
  /** The slots of those not reported yet. */
  #untold: number[] = [];

  /** @param onUnhandled receives how many due jobs of a type have no handler; never under the lock */
  constructor(store: Store, worker: WorkerFacts, onUnhandled: (type: string, jobs: number) => void) {
    this.#store = store;
    this.#worker = worker;
    this.#onUnhandled = onUnhandled;
    store.onIndex.add(this.follow);
  }

  /** The index; undefined without a file. */
  get index(): JobIndex | undefined {
    return this.#due?.index;
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
    this.#isDry = false;
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
    this.#isDry = false;
  }

  /** True if there may be something to claim. @param alone the worker holds nothing */
  any(now: number, alone: boolean): boolean {
    const any = !this.#isDry && (this.#due?.any(now, alone) ?? false);
    this.#tell();
    return any;
  }

  /** Returns when the next waiting job is due, in ms. */
  next(): number | undefined {
    return this.#due?.next();
  }

  /** Picks jobs to claim. @param alone the worker holds nothing */
  take(most: number, { alone, hasPlace }: { alone: boolean; hasPlace: boolean }): Picked {
    const now = this.#store.clock.now();
    if (this.#due === undefined || !this.#due.any(now, alone)) return { candidates: [], isCrowdedOut: false };
    const { index } = this.#due;
    const look = { index, now, hasPlace, running: () => runningJobs(index) };
    const admissions = new Admissions(new ClaimView(this.#worker, look));
    const candidates = this.#pick(most, alone, now, admissions);
    this.#isDry = candidates.length === 0;
    this.#tell();
    return { candidates, isCrowdedOut: admissions.isCrowdedOut };
  }

  /** Takes more jobs after {@link take}, from this index. Called under the lock; {@link putBack} follows. */
  takeMore(index: JobIndex, most: number, admissions: Admissions): Candidate[] {
    this.follow(index);
    const now = this.#store.clock.now();
    // take has checked this for another index.
    return this.#due?.any(now, false) ? this.#pick(most, false, now, admissions) : [];
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

  #pick(most: number, alone: boolean, now: number, admissions: Admissions): Candidate[] {
    const due = this.#due as DueJobs;
    const onGone = (slot: number): void => void this.#gone.push(slot);
    return pickCandidates({ worker: this.#worker, due, now, most, alone, admissions, onGone });
  }

  #accepts(index: JobIndex, slot: number): boolean {
    if (this.#worker.handles(index.type(slot))) return true;
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
    for (const type of types) this.#onUnhandled(type, this.#unhandled.get(type) as number);
  }
}
