import type { Clock } from '../../lib/job/clock.js';
import { counted, settle, until } from './waiting.js';

/** A clock that stands still until it is told to go on. Waiting for a lock takes no time on it, but is counted. */
export class FakeClock implements Clock {
  #now: number;
  #setBy = 0;
  #timers: { at: number; run: () => void }[] = [];

  constructor(now: number = Date.UTC(2030, 0, 1)) {
    this.#now = now;
  }

  readonly now = (): number => this.#now + this.#setBy;

  readonly sleep = async (ms: number): Promise<void> => {
    this.#now += ms;
    await counted(new Promise(setImmediate));
  };

  readonly later = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** The time of day jumps, as when somebody sets the clock; timers don't notice. */
  set(by: number): void {
    this.#setBy += by;
  }

  /** Moves the time on, and calls what falls due on the way, in its order. */
  advance(ms: number): void {
    const target = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= target).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = Math.max(this.#now, target);
  }

  /** Moves the time on step by step, with all that follows from each, until the condition holds. */
  async advanceUntil(what: string, condition: () => unknown, step = 250): Promise<void> {
    await until(what, async () => {
      await settle();
      if (await condition()) return true;
      this.advance(step);
      return false;
    });
  }

  /** Moves the time on, with all that follows on the way. */
  async pass(ms: number, step = 250): Promise<void> {
    const end = this.#now + ms;
    await this.advanceUntil('the time has passed', () => this.#now >= end, step);
  }
}
