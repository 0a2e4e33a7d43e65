import type { Clock } from '../../job/clock.js';

/** After a commit that failed: so much longer each time until the next try, and so many tries of a worker that is to go. */
const STEP_MS = 1_000;
const LONGEST_MS = 30_000;
const MOST_TRIES = 5;
/** What another try can't change. */
const FINAL = new Set(['SYNC_FAILED', 'CLOSED', 'NEWER_FORMAT', 'FILE_SYSTEM']);

/** Commits that failed in a row: what has ended must not be lost to a disk that is full for a moment. */
export class CommitRetry {
  readonly #clock: Clock;
  #count = 0;
  /** Whether the worker was to go already when the last one failed. */
  #goes = false;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the next try is waited for. */
  get pauses(): boolean {
    return this.#cancel !== undefined;
  }

  /** A commit went well. */
  end(): void {
    this.#count = 0;
  }

  /**
   * Another has failed: pauses until it is time for the next try.
   *
   * @param goes the time of this worker is over: from then on, tries are counted anew
   * @param holds it has something to lose; else the next worker can try again as well
   * @returns false to give up
   */
  pause(error: unknown, goes: boolean, holds: boolean, goOn: () => void): boolean {
    const { code } = error as { code?: string };
    if (FINAL.has(String(code))) return false;
    if (goes !== this.#goes) this.#count = 0;
    this.#goes = goes;
    this.#count++;
    if (goes && this.#count > (holds ? MOST_TRIES : 0)) return false;
    const over = (): void => {
      this.endPause();
      goOn();
    };
    this.#cancel = this.#clock.later(Math.min(this.#count * STEP_MS, LONGEST_MS), over, true);
    return true;
  }

  /** It is to be tried at once. */
  endPause(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
