/** A worker claims only the jobs that it can start within this time, because a crash affects every claimed job. */
const AHEAD_MS = 20;
const MOST_AHEAD = 2000;

/** Measures how fast handlers end, and says how many jobs to claim at this pace. */
export class Prefetch {
  /** How many attempts end in a ms. */
  #pace = 0;
  /** How many attempts ended since the last commit. */
  #count = 0;

  /** Counts an attempt that ended. */
  countEnded(): void {
    this.#count++;
  }

  /**
   * Updates the pace.
   * @param takeBusyMs returns how long handlers ran or waited, because idle time says nothing about the pace
   */
  measure(takeBusyMs: () => number): void {
    if (this.#count === 0) return;
    this.#pace = (this.#pace + this.#count / Math.max(takeBusyMs(), 1)) / 2;
    this.#count = 0;
  }

  /** Forgets the pace, because a job delays others. Until it ends, only jobs that can start are claimed. */
  forget(): void {
    this.#pace = 0;
    this.#count = 0;
  }

  /** How many jobs to claim ahead at this pace, whatever the concurrency. */
  get ahead(): number {
    return Math.min(Math.floor(this.#pace * AHEAD_MS), MOST_AHEAD);
  }

  /** Returns how many more jobs to claim. */
  wanted(concurrency: number, { waiting, running }: { waiting: number; running: { size: number } }): number {
    const target = Math.max(concurrency, this.ahead);
    const missing = target - waiting - running.size;
    // A commit costs the same for one job as for many. So there is none for a few while others wait to start.
    return missing <= 0 || (waiting > 0 && missing < target / 2) ? 0 : missing;
  }
}
