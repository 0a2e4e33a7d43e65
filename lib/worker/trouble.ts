/** After a commit that failed: so much longer each time until the next try, and so many tries of a worker that is to go. */
const STEP_MS = 1_000;
const LONGEST_MS = 30_000;
const MOST_TRIES = 5;

/** Commits that failed in a row: what has ended must not be lost to a disk that is full for a moment. */
export class Trouble {
  #count = 0;

  /** One went well. */
  end(): void {
    this.#count = 0;
  }

  /**
   * Another has failed.
   *
   * @param stays there is no end to this worker's time yet
   * @param holds it has something to lose; else the next worker can try again as well
   * @returns how long to wait before it is tried again, in ms; undefined to give up
   */
  next(error: unknown, stays: boolean, holds: boolean): number | undefined {
    const { code } = error as { code?: string };
    if (code === 'SYNC_FAILED' || code === 'CLOSED') return undefined;
    this.#count++;
    if (!stays && this.#count > (holds ? MOST_TRIES : 0)) return undefined;
    return Math.min(this.#count * STEP_MS, LONGEST_MS);
  }
}
