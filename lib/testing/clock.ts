import { type Duration, duration, type Instant, instant, invalid } from '../job/checks.js';
import type { Clock } from '../job/clock.js';
import { systemClock } from '../job/clock.js';

/** The time of a {@link TestQueue}. It goes on by itself, and can be moved. */
export interface TestClock {
  /** Returns the time of the queue, in ms since 1970. */
  now(): number;
  /**
   * Moves the time on, in one jump. Time limits and waits that are over then end, in their order.
   *
   * @throws TsvqError `INVALID_ARGUMENT`
   * @example
   * await test.clock.advance('10m');
   */
  advance(by: Duration): Promise<void>;
  /**
   * Sets the time: a Date, an ISO string with an offset, or Unix seconds. A later one is as an {@link advance}; an earlier
   * one ends no wait.
   *
   * @throws TsvqError `INVALID_ARGUMENT`
   * @example
   * await test.clock.set('2030-01-31T09:00:00Z');
   */
  set(to: Instant): Promise<void>;
}

/** The latest time, in ms, as for a job. */
const LATEST = 1e14;

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** The system's clock, moved. Timers run by the system's, and sooner if the time is moved on. */
export class MovableClock implements Clock, TestClock {
  /** By how much the clock was moved, in ms, and how much of it was setting it back. */
  #moved = 0;
  #setBack = 0;
  readonly #timers = new Set<Timer>();

  readonly now = (): number => systemClock.now() + this.#moved - this.#setBack;

  readonly sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      this.later(ms, resolve, true);
    });

  readonly later = (ms: number, run: () => void, keepAlive?: boolean): (() => void) => {
    const timer = {
      at: this.#elapsed + ms,
      run: () => {
        cancel();
        run();
      },
    };
    const cancelReal = systemClock.later(ms, timer.run, keepAlive);
    const cancel = (): void => {
      cancelReal();
      this.#timers.delete(timer);
    };
    this.#timers.add(timer);
    return cancel;
  };

  async advance(by: Duration): Promise<void> {
    const ms = duration('by', by);
    if (!(this.now() + ms < LATEST)) throw invalid('by', by, 'a time that leads to a year before 5138');
    await this.#goTo(this.#elapsed + ms);
  }

  async set(to: Instant): Promise<void> {
    const ms = instant('to', to) - this.now();
    if (ms >= 0) await this.#goTo(this.#elapsed + ms);
    else this.#setBack -= ms;
  }

  /** The time by which timers are measured, which nothing sets back. */
  get #elapsed(): number {
    return systemClock.now() + this.#moved;
  }

  async #goTo(end: number): Promise<void> {
    // What was asked for just now may set timers.
    await new Promise(setImmediate);
    this.#moved += Math.max(0, end - this.#elapsed);
    // The time jumps, so a timer that is set on the way counts from the end: a poll of half a second would take for ever.
    const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
    for (const timer of due) {
      if (this.#timers.has(timer)) timer.run();
      await new Promise(setImmediate);
    }
  }
}
