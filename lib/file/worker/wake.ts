import type { Clock } from '../../job/clock.js';

/** Lets one loop wait for whatever comes first: a call from anywhere, or a time. */
export class Wake {
  readonly #clock: Clock;
  #isCalled = false;
  #end: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait. If none is running, the next one ends at once. */
  readonly call = (): void => {
    this.#isCalled = true;
    this.#end?.();
  };

  /** Waits for a call, at most `ms`. The timer keeps the process alive. */
  async within(ms: number | undefined): Promise<void> {
    if (!this.#isCalled) {
      await new Promise<void>((resolve) => {
        const cancel = ms === undefined ? undefined : this.#clock.later(Math.max(ms, 1), this.call, true);
        this.#end = () => {
          cancel?.();
          resolve();
        };
      });
    }
    this.#end = undefined;
    this.#isCalled = false;
  }
}
