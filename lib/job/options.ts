import type { BackoffOption } from './backoff-option.js';
import { count, type Duration, defined, duration, invalid, onlyKnown, timeLimit } from './checks.js';
import type { DefaultJobs } from './job.js';
import { type LevelLogger, type Logger, resolveLogger } from './logger.js';
import { checkOutboxes, type Outbox } from './outbox.js';
import { pingUrl } from './ping-url.js';
import { QUEUE_DEFAULTS, type ResolvedQueueOptions } from './queue-options.js';
import type { ScheduleSpec } from './schedule-spec.js';
import type { WorkerEvent } from './worker-event.js';

export type { WorkerEvent };

/**
 * The options of {@link processJobs}.
 *
 * @example
 * await queue.processJobs(handlers, { concurrency: 4, linger: '55s', backoff: ['1m', '10m', '1h'] });
 */
export interface WorkerOptions<Jobs = DefaultJobs> {
  /** How often a job is tried before it is `failed`; the limit of a job or its type ({@link Policy}) wins. Default 3. */
  maxAttempts?: number | undefined;
  /**
   * How long {@link RetryAfterError}s in a row may put a job off without costing attempts. Later ones cost one each.
   * With `0` each costs one; with `Infinity` none does. Default `'1d'`.
   */
  maxRetryAfter?: Duration | undefined;
  /**
   * How many attempts in a row the end of their worker (a signal, `close()`, `maxTime`) may cut off without counting
   * them. Later ones count. With `0` each counts; with `Infinity` none does. Default 10.
   */
  maxInterruptions?: number | undefined;
  /** How many handlers may run at once. Default 1. */
  concurrency?: number | undefined;
  /**
   * How long a failed job waits for its next attempt: see {@link BackoffOption}. Default 60·2^attempts seconds:
   * 120, 240, 480, …
   */
  backoff?: BackoffOption | undefined;
  /**
   * How long the worker stays after its start and waits for jobs, instead of returning when nothing is due.
   * `Infinity` lasts until `signal`. With `'55s'` and a start by cron each minute, jobs start within
   * milliseconds. Default 0.
   */
  linger?: Duration | undefined;
  /** The time after which the worker shuts down: it claims nothing, and running jobs have `grace`. Default: none. */
  maxTime?: Duration | undefined;
  /**
   * How many workers may work on one file. A further worker returns at once, or waits with `linger: Infinity`, unless
   * jobs are due whose types no worker runs: then one more is let in. Default 4.
   */
  maxWorkers?: number | undefined;
  /**
   * The time limit of one attempt, from 1 ms to a year; that of a job or its type wins. After it `context.signal` is aborted.
   * Default `'1h'`.
   */
  timeout?: Duration | undefined;
  /** A signal to shut down: running jobs have `grace`, then they are aborted and given back. Default: none. */
  signal?: AbortSignal | undefined;
  /** How long running jobs may go on at shutdown, and after their time limit. Default `'10s'`. */
  grace?: Duration | undefined;
  /**
   * Recurring jobs, by name. One that the file lacks is added, and one with another spec is changed; none is ever
   * removed (`unschedule` does that). Default: none.
   */
  schedules?: { readonly [name: string]: ScheduleSpec<Jobs> | undefined } | undefined;
  /**
   * The http or https address of a monitoring service, which is asked for once a minute while workers look at the queue
   * and can start jobs. So the service knows if cron or the worker has stopped. Default: none.
   */
  pingUrl?: string | URL | undefined;
  /**
   * Tables of your own databases whose committed rows become jobs: see `tsvq/outbox`. They are looked at once; a worker
   * that lingers looks again after each commit. A database that can't be read is a warning. Default: none.
   */
  outbox?: readonly Outbox[] | undefined;
  /**
   * A function that gets what happened to jobs, and warnings; or an object with the functions `info`, `warn`, `error` and
   * perhaps `debug`, as pino has: it gets the event and a text. Default: warnings go to stderr, and other events are
   * dropped.
   */
  logger?: ((event: WorkerEvent) => unknown) | LevelLogger | undefined;
}

/** The defaults of all options; durations in ms. */
export const DEFAULTS: ResolvedQueueOptions &
  Omit<ResolvedWorkerOptions, 'signal' | 'pingUrl' | 'outbox' | 'logger' | 'backoff'> & {
    backoff: { base: number; factor: number };
  } = {
  ...QUEUE_DEFAULTS,
  maxAttempts: 3,
  maxRetryAfter: 86_400_000,
  maxInterruptions: 10,
  concurrency: 1,
  backoff: { base: 60_000, factor: 2 },
  linger: 0,
  maxTime: Number.POSITIVE_INFINITY,
  maxWorkers: 4,
  timeout: 3_600_000,
  grace: 10_000,
};

/** The checked {@link WorkerOptions}, durations in ms; {@link resolveBackoff} reads `backoff`. */
export interface ResolvedWorkerOptions {
  readonly maxAttempts: number;
  readonly maxRetryAfter: number;
  readonly maxInterruptions: number;
  readonly concurrency: number;
  readonly backoff: BackoffOption;
  readonly linger: number;
  readonly maxTime: number;
  readonly maxWorkers: number;
  readonly timeout: number;
  readonly grace: number;
  readonly signal: AbortSignal | undefined;
  readonly pingUrl: URL | undefined;
  readonly outbox: readonly Outbox[];
  readonly logger: Logger;
}

const WORKER_OPTIONS = [
  'maxAttempts',
  'maxRetryAfter',
  'maxInterruptions',
  'concurrency',
  'backoff',
  'linger',
  'maxTime',
  'maxWorkers',
  'timeout',
  'signal',
  'grace',
  'schedules',
  'pingUrl',
  'outbox',
  'logger',
] as const satisfies readonly (keyof WorkerOptions)[];

/** Checks options, and adds the defaults. @throws TsvqError `INVALID_ARGUMENT` */
export function resolveWorkerOptions(options: WorkerOptions): ResolvedWorkerOptions {
  onlyKnown('options', options, WORKER_OPTIONS);
  const given = { ...DEFAULTS, ...defined(options) };
  const { signal } = options;
  const { maxInterruptions } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid('signal', signal, 'an AbortSignal');
  return {
    maxAttempts: count('maxAttempts', given.maxAttempts),
    maxRetryAfter: duration('maxRetryAfter', given.maxRetryAfter),
    maxInterruptions:
      maxInterruptions === Number.POSITIVE_INFINITY
        ? maxInterruptions
        : count('maxInterruptions', maxInterruptions, 0),
    concurrency: count('concurrency', given.concurrency),
    backoff: given.backoff,
    linger: duration('linger', given.linger),
    maxTime: duration('maxTime', given.maxTime),
    maxWorkers: count('maxWorkers', given.maxWorkers),
    timeout: timeLimit('timeout', given.timeout),
    grace: duration('grace', given.grace),
    signal,
    pingUrl: options.pingUrl === undefined ? undefined : pingUrl('pingUrl', options.pingUrl),
    outbox: options.outbox === undefined ? [] : checkOutboxes('outbox', options.outbox),
    logger: resolveLogger(options.logger),
  };
}
