import type { View } from '../view.js';
import { countEnds } from './count-ends.js';
import { Counters } from './counters.js';
import { exposition, type Family, type ReadSample, samplesIn } from './exposition.js';

/**
 * The counters of a process that lives long. They begin at 0, and don't depend on a view, so they stay when it is
 * dropped.
 */
export class LiveCounters {
  #last: readonly ReadSample[];
  #counting: Promise<unknown> = Promise.resolve();

  /** @param now in ms since 1970 */
  constructor(now: number) {
    this.#last = samplesOf(new Counters([], now));
  }

  /** Counts what has ended since the last call. @param now when the view has read what is new, in ms since 1970 */
  count(view: View, now: number): Promise<Family[]> {
    const count = async (): Promise<Family[]> => {
      const counters = new Counters(this.#last, now);
      await countEnds(counters, view);
      this.#last = samplesOf(counters);
      return counters.families();
    };
    // Two at once would count the same ends.
    const counting = this.#counting.then(count, count);
    this.#counting = counting;
    return counting;
  }
}

const samplesOf = (counters: Counters): ReadSample[] => samplesIn(exposition(counters.families(), false));
