import type { Clock } from '../job/clock.js';

/** The ways to end work that would continue by itself. */
export interface Reins {
  /** Called when the queue is closed. */
  readonly stop: () => void;
  /** Called when the process dies of `error`: the work ends at once. */
  readonly abandon: (error: unknown) => void;
}

/** How long a dying process waits for its last writes, in ms. */
const LAST_WRITES_MS = 5_000;

/** The work of one queue that takes more than a commit. */
export class OngoingWork {
  /** True once the queue is about to close. No work that continues by itself may begin then. */
  isEnding = false;
  readonly #clock: Clock;
  readonly #all = new Set<{ reins: Reins | undefined; done: Promise<unknown> }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does work that {@link stop} and {@link abandon} find. */
  async run<T>(work: () => Promise<T>, reins?: Reins): Promise<T> {
    const done = work();
    const entry = { reins, done: done.catch(() => {}) };
    this.#all.add(entry);
    try {
      return await done;
    } finally {
      this.#all.delete(entry);
    }
  }

  /** Stops work that continues by itself. @returns a promise for the end of all work; undefined if there is none */
  stop(): Promise<unknown> | undefined {
    this.isEnding = true;
    const all = [...this.#all];
    for (const { reins } of all) reins?.stop();
    return all.length > 0 ? Promise.all(all.map(({ done }) => done)) : undefined;
  }

  /** Ends work that continues by itself, at once. Resolves when it has ended, or after a limit. */
  async abandon(error: unknown): Promise<void> {
    this.isEnding = true;
    const ends = [...this.#all].flatMap(({ reins, done }) => {
      reins?.abandon(error);
      return reins === undefined ? [] : [done];
    });
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.later(LAST_WRITES_MS, resolve, true);
      Promise.all(ends).then(() => {
        cancel();
        resolve();
      });
    });
  }
}
