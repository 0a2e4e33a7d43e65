import { isWithin } from '../../job/clock.js';

/** The wait grows by this with each failed commit. A worker that has to leave tries `MOST_TRIES` times. */
const STEP_MS = 1_000;
const LONGEST_MS = 30_000;
const MOST_TRIES = 5;
/** The errors that another try can't change. */
const FINAL = new Set(['SYNC_FAILED', 'CLOSED', 'NEWER_FORMAT', 'FILE_SYSTEM']);

/** Says when a failed commit is tried again, because a disk that is briefly full must not lose endings. */
export class CommitRetry {
  #count = 0;
  /** True if the worker already had to leave at the last failure. */
  #mustLeave = false;
  /** When the last commit failed, in ms; undefined if the worker need not wait. */
  #failedAt: number | undefined;

  /** Returns how many ms to wait before the next try; 0 if it may start now. */
  pause(now: number): number {
    const ms = Math.min(this.#count * STEP_MS, LONGEST_MS);
    if (this.#failedAt === undefined || !isWithin(ms, this.#failedAt, now)) return 0;
    return this.#failedAt + ms - now;
  }

  /** Notes a commit that succeeded. */
  succeed(): void {
    this.#count = 0;
  }

  /**
   * Notes a failed commit. A wait begins.
   *
   * @param mustLeave true if the worker has to leave; from then on, tries are counted again from zero
   * @param holds true if the worker has claimed jobs; otherwise the next worker can try
   * @returns false to give up
   */
  fail(error: unknown, now: number, { mustLeave, holds }: { mustLeave: boolean; holds: boolean }): boolean {
    const { code } = error as { code?: string };
    if (FINAL.has(String(code))) return false;
    if (mustLeave !== this.#mustLeave) this.#count = 0;
    this.#mustLeave = mustLeave;
    this.#count++;
    if (mustLeave && this.#count > (holds ? MOST_TRIES : 0)) return false;
    this.#failedAt = now;
    return true;
  }

  /** Ends the wait at once. */
  endPause(): void {
    this.#failedAt = undefined;
  }
}
