import type { Clock } from './clock.js';

/** Lets one loop wait for a call or a time, whichever comes first. Any code may call. */
export class Wake {
  readonly #clock: Clock;
  #isCalled = false;
  #end: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the wait. If the loop isn't waiting, its next wait ends at once. */
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
