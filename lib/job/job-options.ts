import { count, duration, instant, invalid, onlyKnown, timeLimit } from './checks.js';
import type { Job } from './job.js';
import type { Duration } from './options.js';

/** When and how a job is to run. */
export interface EnqueueOptions {
  /**
   * Not before this time: a Date, an ISO string with `Z` or an offset, or Unix seconds (fractions allowed).
   * A number above 1e11 is refused: it looks like milliseconds. Default: now.
   */
  runAt?: Date | string | number | undefined;
  /** Not before so long from now: ms, or `'10m'`, `'2h'`. Not together with `runAt`. */
  delay?: Duration | undefined;
  /** Higher first; any finite number. Default 0. (BullMQ's is the other way round: there, lower is sooner.) */
  priority?: number | undefined;
  /** How often to try at the most; beats the worker's `maxAttempts`. */
  maxAttempts?: number | undefined;
  /** Time limit for one attempt; beats the worker's `timeout`. */
  timeout?: Duration | undefined;
}

/** The arguments of `enqueue` after the type: the payload may be left out where its type allows undefined. */
export type EnqueueArguments<Payload> = undefined extends Payload
  ? [payload?: Payload, options?: EnqueueOptions]
  : [payload: Payload, options?: EnqueueOptions];

/** Which jobs {@link listJobs} gives. */
export interface ListOptions {
  /** Only jobs in this state, or in one of these. */
  status?: Job['status'] | readonly Job['status'][] | undefined;
  /** Only jobs of this type. */
  type?: string | undefined;
  /** Only jobs whose id begins so. */
  idPrefix?: string | undefined;
  /** At most so many, in the order of the file. Default: no limit. */
  limit?: number | undefined;
}

/** {@link EnqueueOptions}, checked: times in ms since 1970, durations in ms. */
export interface ResolvedEnqueueOptions {
  readonly runAt: number;
  readonly priority: number;
  readonly maxAttempts: number | undefined;
  readonly timeout: number | undefined;
}

/** @param where put before the names of options in errors @throws TsvqError `INVALID_ARGUMENT` */
export function resolveEnqueueOptions(
  options: EnqueueOptions,
  now: number,
  where = '',
): ResolvedEnqueueOptions {
  onlyKnown(`${where}options`, options, ['runAt', 'delay', 'priority', 'maxAttempts', 'timeout']);
  const { runAt, delay, priority = 0, maxAttempts, timeout } = options;
  if (runAt !== undefined && delay !== undefined)
    throw invalid(`${where}delay`, delay, 'left out where runAt is given');
  if (typeof priority !== 'number' || !Number.isFinite(priority))
    throw invalid(`${where}priority`, priority, 'a finite number');
  const at =
    runAt !== undefined
      ? instant(`${where}runAt`, runAt)
      : now + (delay === undefined ? 0 : duration(`${where}delay`, delay));
  if (!(at < 1e14)) {
    const [name, value] = runAt === undefined ? ['delay', delay] : ['runAt', runAt];
    throw invalid(`${where}${name}`, value, 'a time before the year 5138');
  }
  return {
    runAt: at,
    priority,
    maxAttempts: maxAttempts === undefined ? undefined : count(`${where}maxAttempts`, maxAttempts),
    timeout: timeout === undefined ? undefined : timeLimit(`${where}timeout`, timeout),
  };
}
