import { writeSync } from 'node:fs';
import { count, defined, duration, instant, invalid, onlyKnown, timeLimit } from './checks.js';
import type { Job } from './job.js';

/** Milliseconds, or words for them: `'500ms'`, `'90s'`, `'10m'`, `'2h'`, `'7d'`. */
export type Duration = number | string;

/** How {@link openQueue} treats the file. */
export interface QueueOptions {
  /**
   * What an acknowledged job survives: `'sync'` power loss, `'os'` the death of any process, but not of the
   * machine. Default `'sync'`.
   */
  durability?: 'sync' | 'os' | undefined;
  /** Finished jobs older than this move to archive/ beside the file. `Infinity` keeps them. Default `'7d'`. */
  retention?: Duration | undefined;
  /** Most bytes of a payload as JSON, and of a result. Default 1 MiB; at most 100 MiB. */
  maxPayload?: number | undefined;
  /** How long to wait for the lock before `LOCK_TIMEOUT`. Default `'30s'`. */
  lockTimeout?: Duration | undefined;
}

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

/** `base · factor^attempts`, at most `max`, then up to the share `jitter` (0 to 1) more or less. */
export interface BackoffFormula {
  /** Default `'60s'`. */
  base?: Duration | undefined;
  /** Default 2. */
  factor?: number | undefined;
  /** Default: a year, which no wait goes beyond. */
  max?: Duration | undefined;
  /** Default 0. */
  jitter?: number | undefined;
}

/** A formula, a table of waits (the last one for ever), or a function of (attempts, error, job). */
export type BackoffOption =
  | BackoffFormula
  | readonly Duration[]
  | ((attempts: number, error: unknown, job: Job) => Duration);

/** How {@link processJobs} works. */
export interface WorkerOptions {
  /** How often a job is tried before it is `failed`; a job's own limit wins. Default 3. */
  maxAttempts?: number | undefined;
  /** How many handlers may run at once. Default 1. */
  concurrency?: number | undefined;
  /**
   * How long a failed job waits for its next attempt. Default 60·2^attempts seconds: 120, 240, 480, …
   *
   * `{base, factor, max, jitter}`: base·factor^attempts, at most `max`, then up to the share `jitter` more or
   * less. An array: the waits one after another, the last one for ever. A function of (attempts, error, job).
   */
  backoff?: BackoffOption | undefined;
  /**
   * Stay so long after the start, waiting for jobs, instead of returning when nothing is due; `Infinity`: until
   * `signal`. With `'55s'` under a per-minute cron, jobs start within milliseconds. Default 0.
   */
  linger?: Duration | undefined;
  /** Claim nothing more after so long. What runs then has the grace time. Default: no limit. */
  maxTime?: Duration | undefined;
  /** How many workers may work on one file; one too many returns at once, or waits with `linger: Infinity`. Default 4. */
  maxWorkers?: number | undefined;
  /** Time limit for one attempt; a job's own wins. Then `context.signal` is aborted. Default `'1h'`. */
  timeout?: Duration | undefined;
  /** Abort it to shut down: running jobs have the grace time, then are aborted and given back. */
  signal?: AbortSignal | undefined;
  /** How long running jobs may go on at shutdown, and after their time limit. Default `'10s'`. */
  grace?: Duration | undefined;
  /** Called with each thing that happens. Default: warnings go to stderr, the rest nowhere. */
  logger?: ((event: WorkerEvent) => void) | undefined;
}

/** One thing that happened in a worker, for a log. */
export interface WorkerEvent {
  /**
   * `completed`, `retried`, `failed`, `cancelled`: how an attempt ended. `released`: given back, at shutdown or
   * because another job held it up.
   * `rescued`: taken from a dead worker; `failed` follows if that was its last attempt. `dropped`: a result came too
   * late, the job was no longer this worker's.
   * `warning`: anything that a person should look at.
   */
  readonly event:
    | 'completed'
    | 'retried'
    | 'failed'
    | 'cancelled'
    | 'released'
    | 'rescued'
    | 'dropped'
    | 'warning';
  readonly id?: string;
  readonly type?: string;
  readonly attempt?: number;
  /** How long the attempt took, in ms. */
  readonly ms?: number;
  /** Why it failed. */
  readonly error?: string;
  /** When it is tried again. */
  readonly runAt?: Date;
  readonly message?: string;
}

/** The defaults, each in this one place. Durations in ms. */
export const DEFAULTS: ResolvedQueueOptions &
  Omit<ResolvedWorkerOptions, 'signal' | 'logger' | 'quiet' | 'backoff'> & {
    backoff: { base: number; factor: number };
  } = {
  durability: 'sync',
  retention: 604_800_000,
  maxPayload: 1_048_576,
  lockTimeout: 30_000,
  maxAttempts: 3,
  concurrency: 1,
  backoff: { base: 60_000, factor: 2 },
  linger: 0,
  maxTime: Number.POSITIVE_INFINITY,
  maxWorkers: 4,
  timeout: 3_600_000,
  grace: 10_000,
};

/** {@link QueueOptions}, checked, durations in ms. */
export interface ResolvedQueueOptions {
  readonly durability: 'sync' | 'os';
  readonly retention: number;
  readonly maxPayload: number;
  readonly lockTimeout: number;
}

/** @throws TsvqError `INVALID_ARGUMENT` */
export function resolveQueueOptions(options: QueueOptions): ResolvedQueueOptions {
  onlyKnown('options', options, ['durability', 'retention', 'maxPayload', 'lockTimeout']);
  const { durability, retention, maxPayload, lockTimeout } = { ...DEFAULTS, ...defined(options) };
  if (durability !== 'sync' && durability !== 'os') throw invalid('durability', durability, "'sync' or 'os'");
  return {
    durability,
    retention: duration('retention', retention),
    maxPayload: payloadLimit(maxPayload),
    lockTimeout: duration('lockTimeout', lockTimeout),
  };
}

/** A payload, a result and follow-ups have to fit into one row, and a row into one string. */
const MOST_PAYLOAD = 100 * 1024 * 1024;

function payloadLimit(value: unknown): number {
  const bytes = count('maxPayload', value);
  if (bytes <= MOST_PAYLOAD) return bytes;
  throw invalid('maxPayload', value, `at most ${MOST_PAYLOAD}, 100 MiB`);
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

/** {@link WorkerOptions}, checked, durations in ms; `backoff` is left to whoever knows what it means. */
export interface ResolvedWorkerOptions {
  readonly maxAttempts: number;
  readonly concurrency: number;
  readonly backoff: BackoffOption;
  readonly linger: number;
  readonly maxTime: number;
  readonly maxWorkers: number;
  readonly timeout: number;
  readonly grace: number;
  readonly signal: AbortSignal | undefined;
  readonly logger: (event: WorkerEvent) => void;
  /** The logger takes warnings only; the rest need not be put together. */
  readonly quiet: boolean;
}

const WORKER_OPTIONS = [
  'maxAttempts',
  'concurrency',
  'backoff',
  'linger',
  'maxTime',
  'maxWorkers',
  'timeout',
  'signal',
  'grace',
  'logger',
] as const satisfies readonly (keyof WorkerOptions)[];

/** Warnings to stderr, the rest nowhere: cron mails what a worker prints. */
function warnOnly({ event, message }: WorkerEvent): void {
  if (event === 'warning') complain(message ?? '');
}

/**
 * Says something on stderr, if that can be. Not by process.stderr: where that is broken, its 'error' event would end a
 * process that does not listen, and a library has no business to listen.
 */
export function complain(message: string): void {
  try {
    writeSync(2, `tsvq: ${message}\n`);
  } catch {
    // Its reader is gone, or its disk full: no reason to stop work.
  }
}

/** @throws TsvqError `INVALID_ARGUMENT` */
export function resolveWorkerOptions(options: WorkerOptions): ResolvedWorkerOptions {
  onlyKnown('options', options, WORKER_OPTIONS);
  const given = { ...DEFAULTS, ...defined(options) };
  const { signal, logger = warnOnly } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid('signal', signal, 'an AbortSignal');
  if (typeof logger !== 'function') throw invalid('logger', logger, 'a function of one event');
  return {
    maxAttempts: count('maxAttempts', given.maxAttempts),
    concurrency: count('concurrency', given.concurrency),
    backoff: given.backoff,
    linger: duration('linger', given.linger),
    maxTime: duration('maxTime', given.maxTime),
    maxWorkers: count('maxWorkers', given.maxWorkers),
    timeout: timeLimit('timeout', given.timeout),
    grace: duration('grace', given.grace),
    signal,
    logger,
    quiet: logger === warnOnly,
  };
}
