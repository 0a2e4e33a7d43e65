import { isPromise } from 'node:util/types';
import { duration, invalid, onlyKnown, YEAR } from './checks.js';
import type { Job } from './job.js';
import { type BackoffFormula, type BackoffOption, DEFAULTS } from './options.js';

/** Limits a wait to the range from 0 to a year, in ms. */
export const clamp = (ms: number): number => Math.min(Math.max(Number(ms) || 0, 0), YEAR);

/** Returns the milliseconds until the next attempt, after `attempts` (from 1) failed. */
export type Backoff = (attempts: number, error: unknown, job: Job) => number;

/**
 * Returns the function that an option describes. The default, as in dbbasic-queue, is 60·2^attempts seconds.
 *
 * @throws TsvqError `INVALID_ARGUMENT` for an option that can't be used
 * @example
 * resolveBackoff({ base: '1s', factor: 2, max: '1m' })(3, error, job); // 8000
 */
export function resolveBackoff(
  option: BackoffOption = DEFAULTS.backoff,
  random: () => number = Math.random,
): Backoff {
  if (typeof option === 'function') {
    return (...args) => {
      const wait: unknown = option(...args);
      // A promise can't be used. A rejected one that is not caught would end the worker's process.
      if (isPromise(wait)) wait.catch(() => {});
      return clamp(duration('the result of backoff', wait));
    };
  }
  if (Array.isArray(option)) {
    const table = option.map((wait, i) => duration(`backoff[${i}]`, wait));
    if (table.length === 0) throw invalid('backoff', '[]', 'a table with at least one wait');
    return (attempts) => clamp(table[Math.min(attempts, table.length) - 1] as number);
  }
  onlyKnown('backoff', option, ['base', 'factor', 'max', 'jitter']);
  const {
    base = DEFAULTS.backoff.base,
    factor = DEFAULTS.backoff.factor,
    max = YEAR,
    jitter = 0,
  } = option as BackoffFormula;
  const first = duration('backoff.base', base);
  const cap = duration('backoff.max', max);
  if (typeof factor !== 'number' || !(factor >= 0))
    throw invalid('backoff.factor', factor, 'a number of at least 0');
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1))
    throw invalid('backoff.jitter', jitter, 'a share from 0 to 1');
  return (attempts) => clamp(Math.min(first * factor ** attempts, cap) * (1 + jitter * (2 * random() - 1)));
}
