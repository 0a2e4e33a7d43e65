import { isPromise } from 'node:util/types';
import type { BackoffFormula, BackoffOption, FixedBackoff, PolynomialBackoff } from './backoff-option.js';
import { duration, invalid, onlyKnown, YEAR } from './checks.js';
import type { Job } from './job.js';
import { DEFAULTS } from './options.js';

/** The defaults of {@link PolynomialBackoff}; durations in ms. */
const POLYNOMIAL = { base: 1_000, power: 4, plus: 5_000 };

/** Limits a wait to the range from 0 to a year, in ms. */
export const clamp = (ms: number): number => Math.min(Math.max(Number(ms) || 0, 0), YEAR);

/** Returns the milliseconds until the next attempt, after `attempts` (from 1) failed. */
export type Backoff = (attempts: number, error: unknown, job: Job) => number;

/** Returns a wait before its jitter, in ms. */
type Wait = (attempts: number) => number;

/**
 * Returns the function that an option describes. The default, as in dbbasic-queue, is 60·2^attempts seconds.
 *
 * @param name the option's name in errors
 * @throws TsvqError `INVALID_ARGUMENT` for an option that can't be used
 * @example
 * resolveBackoff('backoff', { base: '1s', factor: 2, max: '1m' })(3, error, job); // 8000
 */
export function resolveBackoff(
  name: string,
  option: BackoffOption = DEFAULTS.backoff,
  random: () => number = Math.random,
): Backoff {
  if (typeof option === 'function') {
    return (...args) => {
      const wait: unknown = option(...args);
      // A promise can't be used. A rejected one that is not caught would end the worker's process.
      if (isPromise(wait)) Promise.prototype.then.call(wait, undefined, () => {});
      return clamp(duration(`the result of ${name}`, wait));
    };
  }
  if (Array.isArray(option)) {
    const table = option.map((wait, i) => duration(`${name}[${i}]`, wait));
    if (table.length === 0) throw invalid(name, option, 'a table with at least one wait');
    return (attempts) => clamp(table[Math.min(attempts, table.length) - 1] as number);
  }
  if (typeof option !== 'object' || option === null)
    throw invalid(name, option, "a list of waits like ['5m'], an object like { base: '30s' }, or a function");
  const formula = option as BackoffFormula | FixedBackoff | PolynomialBackoff;
  const wait = waitOf(name, formula);
  const spread = spreadOf(`${name}.jitter`, formula.jitter ?? 0);
  return (attempts) => {
    const ms = clamp(wait(attempts));
    return clamp(ms + spread(ms) * (2 * random() - 1));
  };
}

function waitOf(name: string, option: BackoffFormula | FixedBackoff | PolynomialBackoff): Wait {
  switch (option.kind) {
    case undefined:
    case 'exponential':
      return exponential(name, option);
    case 'fixed': {
      onlyKnown(name, option, ['kind', 'delay', 'jitter']);
      const delay = duration(`${name}.delay`, option.delay);
      return () => delay;
    }
    case 'polynomial':
      return polynomial(name, option);
    default:
      throw invalid(
        `${name}.kind`,
        (option as { kind: unknown }).kind,
        "'exponential', 'fixed' or 'polynomial'",
      );
  }
}

function exponential(name: string, option: BackoffFormula): Wait {
  onlyKnown(name, option, ['kind', 'base', 'factor', 'max', 'jitter']);
  const { base = DEFAULTS.backoff.base, factor = DEFAULTS.backoff.factor, max = YEAR } = option;
  const first = duration(`${name}.base`, base);
  const cap = duration(`${name}.max`, max);
  if (typeof factor !== 'number' || !(factor >= 0))
    throw invalid(`${name}.factor`, factor, 'a number of at least 0');
  return (attempts) => Math.min(first * factor ** attempts, cap);
}

function polynomial(name: string, option: PolynomialBackoff): Wait {
  onlyKnown(name, option, ['kind', 'base', 'power', 'plus', 'max', 'jitter']);
  const { base = POLYNOMIAL.base, power = POLYNOMIAL.power, plus = POLYNOMIAL.plus, max = YEAR } = option;
  const first = duration(`${name}.base`, base);
  const added = duration(`${name}.plus`, plus);
  const cap = duration(`${name}.max`, max);
  if (typeof power !== 'number' || !(power >= 0))
    throw invalid(`${name}.power`, power, 'a number of at least 0');
  return (attempts) => Math.min(first * attempts ** power + added, cap);
}

/** Returns a function from a wait to the most that chance adds or takes away, in ms. */
function spreadOf(name: string, jitter: unknown): (wait: number) => number {
  if (typeof jitter === 'number' && jitter >= 0 && jitter <= 1) return (wait) => wait * jitter;
  let time = Number.POSITIVE_INFINITY;
  try {
    time = duration(name, jitter);
  } catch {
    // Told below, because this option may also be a share.
  }
  if (!(time <= YEAR)) throw invalid(name, jitter, "a share from 0 to 1, or a time up to a year like '10s'");
  return () => time;
}
