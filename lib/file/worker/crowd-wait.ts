import { isWithin } from '../../job/clock.js';

/** How often a worker that stays tries to claim while `maxWorkers` others work. */
const CROWDED_MS = 1_000;

/** The time that a worker waits before it tries to claim again, because `maxWorkers` others are at work. */
export class CrowdWait {
  /** When the worker last could not claim, in ms; see {@link Claims.mustWait}. */
  #last = Number.NEGATIVE_INFINITY;

  begin(now: number): void {
    this.#last = now;
  }

  /** Returns when the wait is over, in ms; undefined if the worker doesn't wait. */
  end(now: number): number | undefined {
    return isWithin(CROWDED_MS, this.#last, now) ? this.#last + CROWDED_MS : undefined;
  }
}
