import { count, type Duration, duration, invalid, onlyKnown, YEAR } from './checks.js';

/** What a limit counts: all jobs of the type together, or each group of the type by itself. */
export type LimitBy = 'type' | 'group';

/**
 * How many jobs of a type may start in a time, over all workers. In any stretch of time `w`, at most
 * `burst + w · max / per` start.
 *
 * @example
 * const rateLimit: RateLimit = { max: 5, per: '1s' }; // a job each 200 ms
 */
export interface RateLimit {
  /** How many jobs start in the time `per`; a whole number. For one in ten seconds, `{ max: 1, per: '10s' }`. */
  max: number;
  /** The time for `max` jobs, up to a year. */
  per: Duration;
  /** How many jobs may start at once after a time without any. Default 1: the starts are `per / max` apart. */
  burst?: number | undefined;
  /** `'group'` counts each group by itself, and no job without a group. Default `'type'`. */
  by?: LimitBy | undefined;
}

/**
 * How many jobs of a type may run at a time, over all workers.
 *
 * @example
 * const concurrency: ConcurrencyLimit = { max: 2, by: 'group' }; // two for each customer
 */
export interface ConcurrencyLimit {
  /** How many jobs may run at a time. */
  max: number;
  /** `'group'` counts each group by itself, and no job without a group. Default `'type'`. */
  by?: LimitBy | undefined;
}

/** A checked {@link RateLimit}, in ms. */
export interface CheckedRate {
  /** The time between two starts. */
  readonly interval: number;
  /** How much earlier than that a start may come. */
  readonly slack: number;
  /** The time by which a start can come to lie in the future. A later one was written by a clock that was ahead. */
  readonly horizon: number;
  readonly by: LimitBy;
}

/** A checked {@link ConcurrencyLimit}. */
interface CheckedConcurrency {
  readonly max: number;
  readonly by: LimitBy;
}

/** The checked limits of a type. */
export interface Limits {
  readonly concurrency: CheckedConcurrency | undefined;
  readonly rateLimit: CheckedRate | undefined;
}

/**
 * Checks the limits of a type. @param name the text before option names in errors
 * @returns undefined if there are none
 * @throws TsvqError `INVALID_ARGUMENT`
 */
export function checkLimits(
  name: string,
  concurrency: number | ConcurrencyLimit | undefined,
  rateLimit: RateLimit | undefined,
): Limits | undefined {
  if (concurrency === undefined && rateLimit === undefined) return undefined;
  return {
    concurrency: concurrency === undefined ? undefined : checkConcurrency(`${name}.concurrency`, concurrency),
    rateLimit: rateLimit === undefined ? undefined : checkRate(`${name}.rateLimit`, rateLimit),
  };
}

function checkRate(name: string, limit: RateLimit): CheckedRate {
  if (typeof limit !== 'object' || limit === null)
    throw invalid(name, limit, "an object like { max: 5, per: '1s' }");
  onlyKnown(name, limit, ['max', 'per', 'burst', 'by']);
  const { max, per, burst = 1, by } = limit;
  if (typeof max === 'number' && max > 0 && max < 1)
    throw invalid(
      `${name}.max`,
      max,
      "a whole number; for a tenth of a job a second write { max: 1, per: '10s' }",
    );
  const starts = count(`${name}.max`, max);
  const ms = duration(`${name}.per`, per);
  if (!(ms > 0 && ms <= YEAR)) throw invalid(`${name}.per`, per, 'more than 0 and at most a year');
  const interval = ms / starts;
  const slack = (count(`${name}.burst`, burst) - 1) * interval;
  return { interval, slack, horizon: slack + interval + ms, by: checkBy(`${name}.by`, by) };
}

function checkConcurrency(name: string, limit: number | ConcurrencyLimit): CheckedConcurrency {
  if (typeof limit !== 'object' || limit === null) return { max: count(name, limit), by: 'type' };
  onlyKnown(name, limit, ['max', 'by']);
  return { max: count(`${name}.max`, limit.max), by: checkBy(`${name}.by`, limit.by) };
}

function checkBy(name: string, by: LimitBy = 'type'): LimitBy {
  if (by !== 'type' && by !== 'group') throw invalid(name, by, "'type' or 'group'");
  return by;
}
