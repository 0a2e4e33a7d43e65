/** The one source of time; tests and simulations put their own in its place. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Resolves after `ms` milliseconds, or at once when `signal` is aborted. Keeps the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` in `ms` milliseconds, unless cancelled before; `keepAlive` the process until then. @returns the cancel */
  later(ms: number, run: () => void, keepAlive?: boolean): () => void;
}

/** A longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, LONGEST_TIMER));
      signal?.addEventListener('abort', done, { once: true });
    }),
  later: (ms, run, keepAlive = false) => {
    let timer: NodeJS.Timeout;
    const wait = (left: number): void => {
      const step = Math.min(left, LONGEST_TIMER);
      timer = setTimeout(() => (left > step ? wait(left - step) : run()), step);
      if (!keepAlive) timer.unref();
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};

/** Whether `then` was less than so long ago; never where the clock was set back since. */
export const isWithin = (ms: number, then: number, now: number): boolean => now >= then && now - then < ms;
