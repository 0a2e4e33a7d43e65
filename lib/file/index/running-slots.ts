import type { JobIndex } from './job-index.js';

/** The slots of the jobs that are processing. A limit asks for them at each commit, so they aren't looked for in the whole index. */
export class RunningSlots implements Iterable<number> {
  readonly #index: JobIndex;
  /** Every running job's slot, and some of jobs that have ended since. */
  readonly #slots: Set<number>;

  /** Returns those of an index. */
  static of(index: JobIndex): RunningSlots {
    const known = all.get(index) ?? new RunningSlots(index);
    all.set(index, known);
    return known;
  }

  private constructor(index: JobIndex) {
    this.#index = index;
    this.#slots = new Set(index.withStatus('processing'));
    index.onNewest.add((slot) => {
      if (this.#isRunning(slot)) this.#slots.add(slot);
    });
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (const slot of this.#slots) {
      if (this.#isRunning(slot)) yield slot;
      else this.#slots.delete(slot);
    }
  }

  #isRunning(slot: number): boolean {
    return this.#index.status(slot) === 'processing';
  }
}

const all = new WeakMap<JobIndex, RunningSlots>();
