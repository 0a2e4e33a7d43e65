/** A worker claims what it can start within this time: the more it holds, the more a crash affects. */
const AHEAD_MS = 20;
const MOST_AHEAD = 2000;

/** Measures how fast handlers end, and says how many jobs to claim for that. */
export class Prefetch {
  /** Attempts per ms. */
  #pace = 0;
  /** Attempts that ended since the last commit. */
  #count = 0;

  /** Counts an attempt that ended. */
  count(): void {
    this.#count++;
  }

  /**
   * Updates the pace.
   * @param busyMs how long there was something to run: the wait for a commit says nothing about the next jobs
   */
  measure(busyMs: () => number): void {
    if (this.#count === 0) return;
    this.#pace = (this.#pace + this.#count / Math.max(busyMs(), 1)) / 2;
    this.#count = 0;
  }

  /** Forgets the pace, because a job holds up others: until it ends, only startable jobs are claimed. */
  forget(): void {
    this.#pace = 0;
    this.#count = 0;
  }

  /** How many jobs to hold at once, whatever the concurrency. */
  get ahead(): number {
    return Math.min(Math.floor(this.#pace * AHEAD_MS), MOST_AHEAD);
  }

  /** Returns how many jobs to claim in addition to those held. */
  wanted(concurrency: number, { waiting, running }: { waiting: number; running: { size: number } }): number {
    const target = Math.max(concurrency, this.ahead);
    const missing = target - waiting - running.size;
    // A commit costs the same for one job as for many: none for a few while others wait to start.
    return missing <= 0 || (waiting > 0 && missing < target / 2) ? 0 : missing;
  }
}
