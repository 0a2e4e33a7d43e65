import type { JobIndex } from '../store/job-index.js';
import type { Store } from '../store/store.js';
import { type Candidate, pickCandidates } from './claim.js';
import { DueJobs } from './due.js';

/** What a backlog goes by. */
export interface BacklogRules {
  /** How the worker signs its claims. */
  readonly owner: string;
  /** Whether there is a handler for a type. */
  readonly handles: (type: string) => boolean;
  /** Called for each due job without one; never under the lock. */
  readonly onUnhandled: (type: string) => void;
  /** Whether an earlier attempt of a job still runs in this process. */
  readonly isBusy: (id: string) => boolean;
}

/** What there is to claim, as far as the file was read: it follows the store's index, also into a new file. */
export class Backlog {
  readonly #store: Store;
  readonly #rules: BacklogRules;
  #due: DueJobs | undefined;
  /** Picked in advance. */
  #picked: Candidate[] = [];
  /** Of what is due, nothing could be claimed at the last look; until something has changed. */
  #dry = false;
  /** Jobs whose rows were not where they should be. */
  #gone: number[] = [];
  /** Types without a handler that were met and not told of yet. */
  #unhandled: string[] = [];

  constructor(store: Store, rules: BacklogRules) {
    this.#store = store;
    this.#rules = rules;
    store.onIndex.add(this.follow);
  }

  /** undefined as long as there is no file. */
  get index(): JobIndex | undefined {
    return this.#due?.index;
  }

  /** Begins anew with another index, unless it is the same. */
  readonly follow = (index: JobIndex): void => {
    if (this.#due?.index === index) return;
    this.#due?.close();
    this.#due = new DueJobs(index, this.#store.clock.now());
    this.#picked = [];
    this.#gone = [];
    this.#dry = false;
  };

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

  /** Whether there may be something to claim. */
  any(now: number): boolean {
    return !this.#dry && (this.#picked.length > 0 || (this.#due?.any(now) ?? false));
  }

  /** When the next job that waits is due, in ms. */
  next(): number | undefined {
    return this.#due?.next();
  }

  /** @param alone nothing else is held by the worker */
  take(now: number, most: number, alone: boolean): Candidate[] {
    const candidates = this.#picked.length > 0 ? this.#picked : this.#pick(now, most, alone);
    this.#picked = [];
    this.#dry = candidates.length === 0;
    this.#tell();
    return candidates;
  }

  /** In addition to what {@link take} gave. Under the lock; {@link putBack} follows. */
  takeMore(now: number, most: number): Candidate[] {
    return this.#pick(now, most, false);
  }

  /** Picks for the next {@link take}, while there is time. */
  pickAhead(now: number, most: number): void {
    if (this.#picked.length === 0) this.#picked = this.#pick(now, most, false);
    this.#tell();
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
    if (this.#due === undefined) return [];
    const onGone = (slot: number): void => void this.#gone.push(slot);
    const handles = (type: string): boolean => {
      const known = this.#rules.handles(type);
      if (!known) this.#unhandled.push(type);
      return known;
    };
    return pickCandidates({ ...this.#rules, handles, due: this.#due, now, most, alone, onGone });
  }

  #tell(): void {
    for (const type of this.#unhandled.splice(0)) this.#rules.onUnhandled(type);
  }
}
