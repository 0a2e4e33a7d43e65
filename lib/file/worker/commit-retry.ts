import type { Clock } from '../../job/clock.js';

/** The pause grows by this with each failed commit. A worker that has to leave tries `MOST_TRIES` times. */
const STEP_MS = 1_000;
const LONGEST_MS = 30_000;
const MOST_TRIES = 5;
/** The errors that another try can't change. */
const FINAL = new Set(['SYNC_FAILED', 'CLOSED', 'NEWER_FORMAT', 'FILE_SYSTEM']);

/** Retries failed commits, because a disk that is briefly full must not lose what has ended. */
export class CommitRetry {
  readonly #clock: Clock;
  #count = 0;
  /** True if the worker already had to leave at the last failure. */
  #goes = false;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True during the pause before a try. */
  get pauses(): boolean {
    return this.#cancel !== undefined;
  }

  /** Notes a commit that succeeded. */
  end(): void {
    this.#count = 0;
  }

  /**
   * Notes a failed commit and pauses until the next try.
   *
   * @param goes true if the worker has to leave: from then on, tries are counted again from zero
   * @param holds true if it has something to lose; otherwise the next worker can try
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

  /** Ends the pause at once. */
  endPause(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
