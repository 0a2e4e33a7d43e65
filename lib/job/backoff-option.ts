import type { Duration } from './checks.js';
import type { DefaultJobs, Job, TypeOf } from './job.js';

/** The spread of waits, so that jobs that failed together don't all come back together. */
interface Jitter {
  /**
   * The most that chance adds to a wait or takes away. A number up to 1 is a share of the wait; any other
   * {@link Duration} is a time. Default 0.
   */
  jitter?: Duration | undefined;
}

/** A formula for the waits between attempts: `base · factor^attempts`, at most `max`, then `jitter` more or less. */
export interface BackoffFormula extends Jitter {
  /** The name of this formula, which may be left out. */
  kind?: 'exponential' | undefined;
  /** The wait that `factor` multiplies. Default `'60s'`. */
  base?: Duration | undefined;
  /** The number that multiplies the wait after each attempt; at least 0. Default 2. */
  factor?: number | undefined;
  /** The longest wait, before `jitter`. Default: a year, which is the limit of every wait. */
  max?: Duration | undefined;
}

/** The same wait after each attempt, `jitter` more or less. */
export interface FixedBackoff extends Jitter {
  /** The name of these waits. */
  kind: 'fixed';
  /** The wait. */
  delay: Duration;
}

/**
 * Waits of `base · attempts^power + plus`, at most `max`, then `jitter` more or less. The defaults are the waits of
 * Django's background tasks: n⁴ + 5 seconds.
 */
export interface PolynomialBackoff extends Jitter {
  /** The name of this formula. */
  kind: 'polynomial';
  /** The wait that is multiplied. Default `'1s'`. */
  base?: Duration | undefined;
  /** The power of the attempts; at least 0. Default 4. */
  power?: number | undefined;
  /** The time that is added to each wait. Default `'5s'`. */
  plus?: Duration | undefined;
  /** The longest wait, before `jitter`. Default: a year, which is the limit of every wait. */
  max?: Duration | undefined;
}

/**
 * The waits between attempts: a formula, a table of waits (the last one repeats), or a function that returns the
 * wait. `attempts` counts from 1.
 *
 * @example
 * const backoff: BackoffOption = { kind: 'fixed', delay: '5m', jitter: '30s' };
 */
export type BackoffOption<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> =
  | BackoffFormula
  | FixedBackoff
  | PolynomialBackoff
  | readonly Duration[]
  | ((attempts: number, error: unknown, job: Job<Jobs, T>) => Duration);
