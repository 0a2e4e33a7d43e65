/** A worker claims what it can start now, or within so long: the more it holds, the more a crash takes along. */
const AHEAD_MS = 20;
const MOST_AHEAD = 2000;

/** How fast handlers come to their end lately, and how many jobs to claim for that. */
export class Prefetch {
  /** Attempts per ms. */
  #pace = 0;
  /** Attempts that came to an end since the last commit. */
  #count = 0;

  /** An attempt has come to its end. */
  count(): void {
    this.#count++;
  }

  /**
   * @param busyMs for how long there was something to run meanwhile: how long a commit was waited for says nothing about
   *   the next jobs
   */
  measure(busyMs: () => number): void {
    if (this.#count === 0) return;
    this.#pace = (this.#pace + this.#count / Math.max(busyMs(), 1)) / 2;
    this.#count = 0;
  }

  /** A job holds up those behind it: until it has ended, nothing more is claimed than can be started. */
  forget(): void {
    this.#pace = 0;
    this.#count = 0;
  }

  /** How many jobs are worth holding at once, whatever the concurrency. */
  get ahead(): number {
    return Math.min(Math.floor(this.#pace * AHEAD_MS), MOST_AHEAD);
  }

  /** How many jobs to claim beside those that a worker has in hand. */
  wanted(concurrency: number, { waiting, running }: { waiting: number; running: { size: number } }): number {
    const target = Math.max(concurrency, this.ahead);
    const missing = target - waiting - running.size;
    // A commit costs the same for one job and for many: not for a few while there are others to start.
    return missing <= 0 || (waiting > 0 && missing < target / 2) ? 0 : missing;
  }
}
