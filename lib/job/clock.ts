/** The only source of time; tests and simulations replace it. */
export interface Clock {
  /** Returns the time in milliseconds since 1970, UTC. */
  now(): number;
  /** Resolves after `ms` milliseconds. Keeps the process alive. */
  sleep(ms: number): Promise<void>;
  /** Calls `run` in `ms` milliseconds; with `keepAlive` the process lives until then. @returns the cancel function */
  later(ms: number, run: () => void, keepAlive?: boolean): () => void;
}

/** The longest timer of Node, in ms, because a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
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

/** True if `then` is less than `ms` ago. False if it is in the future. */
export const isWithin = (ms: number, then: number, now: number): boolean => now >= then && now - then < ms;
