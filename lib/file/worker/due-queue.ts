import type { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';
import { type Candidate, type ClaimRules, pickCandidates } from './claim.js';
import { DueJobs } from './due-jobs.js';

/** What a backlog goes by. */
export interface BacklogRules extends ClaimRules {
  /** Told how many due jobs of a type have no handler; never under the lock. */
  readonly onUnhandled: (type: string, jobs: number) => void;
}

/** What there is to claim, as far as the file was read: it follows the store's index, also into a new file. */
export class DueQueue {
  readonly #store: Store;
  readonly #rules: BacklogRules;
  #due: DueJobs | undefined;
  /** Of what is due, nothing could be claimed at the last look; until something has changed. */
  #dry = false;
  /** Jobs whose rows were not where they should be. */
  #gone: number[] = [];
  /** How many due jobs there are of each type without a handler, as far as that was told. */
  readonly #unhandled = new Map<string, number>();
  /** Those that have come since. */
  #untold: number[] = [];

  constructor(store: Store, rules: BacklogRules) {
    this.#store = store;
    this.#rules = rules;
    store.onIndex.add(this.follow);
  }

  /** undefined as long as there is no file. */
  get index(): JobIndex | undefined {
    return this.#due?.index;
  }

  /** Whether there is a handler for a type. */
  handles(type: string): boolean {
    return this.#rules.handles(type);
  }

  /** Begins anew with another index, unless it is the same. */
  readonly follow = (index: JobIndex): void => {
    if (this.#due?.index === index) return;
    this.leave();
    this.#due = new DueJobs(index, this.#store.clock.now(), (slot) => this.#accepts(index, slot));
  };

  /** Forgets what there was: the file is gone, or read anew. */
  leave(): void {
    this.#due?.close();
    this.#due = undefined;
    this.#unhandled.clear();
    this.#untold = [];
    this.#gone = [];
    this.#dry = false;
  }

  /**
   * Whether the index is wrong about the file, once it has been read to its end: a job's row is gone, and nothing has
   * superseded it. Somebody has edited the file in place.
   */
  get isStale(): boolean {
    const gone = this.#gone.splice(0);
    return gone.some((slot) => this.index?.status(slot) === 'pending');
  }

  /** Something has changed: what could not be claimed may be by now. */
  refresh(): void {
    this.#dry = false;
  }

  /** Whether there may be something to claim. @param alone nothing else is held by the worker */
  any(now: number, alone: boolean): boolean {
    const any = !this.#dry && (this.#due?.any(now, alone) ?? false);
    this.#tell();
    return any;
  }

  /** When the next job that waits is due, in ms. */
  next(): number | undefined {
    return this.#due?.next();
  }

  /** @param alone nothing else is held by the worker */
  take(now: number, most: number, alone: boolean): Candidate[] {
    const candidates = this.#pick(now, most, alone);
    this.#dry = candidates.length === 0;
    this.#tell();
    return candidates;
  }

  /** In addition to what {@link take} gave, from this index. Under the lock; {@link putBack} follows. */
  takeMore(index: JobIndex, now: number, most: number): Candidate[] {
    this.follow(index);
    return this.#pick(now, most, false);
  }

  /** What {@link take} gave and nobody has claimed. */
  putBack(candidates: readonly Candidate[]): void {
    // A new index has found them by itself.
    for (const { index, slot } of candidates) if (index === this.#due?.index) this.#due.putBack(slot);
    this.#tell();
  }

  close(): void {
    this.#store.onIndex.delete(this.follow);
    this.#due?.close();
  }

  #pick(now: number, most: number, alone: boolean): Candidate[] {
    // Not asked before for what is picked in addition.
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
    // Before it is read to the end, a job may seem to wait that has long been done.
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
