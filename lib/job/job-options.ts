import { count, type Duration, duration, instant, invalid, onlyKnown, timeLimit } from './checks.js';
import type { Job } from './job.js';

/**
 * The options of `enqueue`: when and how the job runs.
 *
 * @example
 * await enqueue('report', { month: '2030-01' }, { runAt: '2030-02-01T06:00:00Z', maxAttempts: 5, timeout: '10m' });
 */
export interface EnqueueOptions {
  /**
   * The earliest start: a Date, an ISO string with `Z` or an offset, or Unix seconds (fractions allowed). A
   * number above 1e11 is refused, because it looks like milliseconds. Default: now.
   */
  runAt?: Date | string | number | undefined;
  /** The shortest wait before the start. It is refused together with `runAt`. Default: none. */
  delay?: Duration | undefined;
  /** The priority, higher first; any finite number. Default 0. (In BullMQ, lower is sooner.) */
  priority?: number | undefined;
  /** How often the job is tried at most. Default: its type's, or the worker's, `maxAttempts`. */
  maxAttempts?: number | undefined;
  /** The time limit of one attempt, from 1 ms to a year. Default: its type's, or the worker's, `timeout`. */
  timeout?: Duration | undefined;
}

/** The arguments of `enqueue` after the type. The payload is optional if its type allows undefined. */
export type EnqueueArguments<Payload> = undefined extends Payload
  ? [payload?: Payload, options?: EnqueueOptions]
  : [payload: Payload, options?: EnqueueOptions];

/** The filter of {@link listJobs} and {@link iterateJobs}. Without options, all jobs fit. */
export interface ListOptions {
  /** Only jobs in this state, or one of these. */
  status?: Job['status'] | readonly Job['status'][] | undefined;
  /** Only jobs of this type. */
  type?: string | undefined;
  /** Only jobs whose id begins with this. */
  idPrefix?: string | undefined;
  /** How many jobs to list at most, in the order of the file. Default: no limit. */
  limit?: number | undefined;
}

/** The checked {@link EnqueueOptions}: times in ms since 1970, durations in ms. */
export interface ResolvedEnqueueOptions {
  readonly runAt: number;
  readonly priority: number;
  readonly maxAttempts: number | undefined;
  readonly timeout: number | undefined;
}

/** Checks options. @param where the text before option names in errors @throws TsvqError `INVALID_ARGUMENT` */
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
