import { writeSync } from 'node:fs';
import { count, defined, duration, invalid, onlyKnown, timeLimit } from './checks.js';
import type { Job } from './job.js';

/** A time span: milliseconds, or `'500ms'`, `'90s'`, `'10m'`, `'2h'`, `'7d'`. */
export type Duration = number | string;

/** The options of {@link openQueue}. */
export interface QueueOptions {
  /**
   * What an acknowledged job survives: `'sync'` power loss, `'os'` the death of any process, but not of the
   * machine. Default `'sync'`.
   */
  durability?: 'sync' | 'os' | undefined;
  /** Finished jobs older than this move to archive/ beside the file. `Infinity` keeps them. Default `'7d'`. */
  retention?: Duration | undefined;
  /** The most bytes of a JSON payload, and of a result. Default 1 MiB; at most 100 MiB. */
  maxPayload?: number | undefined;
  /** How long to wait for the lock before `LOCK_TIMEOUT`. Default `'30s'`. */
  lockTimeout?: Duration | undefined;
  /**
   * True to write on any file system. Otherwise the first write on NFS, SMB, 9p or another one that several
   * machines share fails with `FILE_SYSTEM`. A worker warns once of one in memory, in a container's own
   * layer, or of FUSE. Linux only. Default false.
   */
  anyFileSystem?: boolean | undefined;
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

/** A formula, a table of waits (the last one repeats), or a function of (attempts, error, job). */
export type BackoffOption =
  | BackoffFormula
  | readonly Duration[]
  | ((attempts: number, error: unknown, job: Job) => Duration);

/** The options of {@link processJobs}. */
export interface WorkerOptions {
  /** How often a job is tried before it is `failed`; a job's own limit wins. Default 3. */
  maxAttempts?: number | undefined;
  /**
   * How long {@link RetryAfterError}s in a row may put a job off without costing attempts; later ones do.
   * `0`: each costs one; `Infinity`: none does. Default `'1d'`.
   */
  maxRetryAfter?: Duration | undefined;
  /**
   * How many attempts in a row their worker's end (a signal, `close()`, `maxTime`) may cut off without
   * counting them; later ones count. `0`: each counts; `Infinity`: none does. Default 10.
   */
  maxInterruptions?: number | undefined;
  /** How many handlers may run at once. Default 1. */
  concurrency?: number | undefined;
  /**
   * How long a failed job waits for its next attempt. Default 60·2^attempts seconds: 120, 240, 480, …
   *
   * `{base, factor, max, jitter}`: base·factor^attempts, at most `max`, then up to the share `jitter` more or
   * less. An array: the waits in order, the last one repeats. A function of (attempts, error, job).
   */
  backoff?: BackoffOption | undefined;
  /**
   * How long to stay after the start and wait for jobs, instead of returning when idle; `Infinity`: until
   * `signal`. With `'55s'` under a per-minute cron, jobs start within milliseconds. Default 0.
   */
  linger?: Duration | undefined;
  /** The time after which nothing is claimed. Running jobs have the grace time. Default: no limit. */
  maxTime?: Duration | undefined;
  /** The most workers of one file; another returns at once, or waits with `linger: Infinity`. Default 4. */
  maxWorkers?: number | undefined;
  /** Time limit for one attempt; a job's own wins. After it, `context.signal` is aborted. Default `'1h'`. */
  timeout?: Duration | undefined;
  /** A signal for shutdown: running jobs have the grace time, then are aborted and given back. */
  signal?: AbortSignal | undefined;
  /** How long running jobs may go on at shutdown, and after their time limit. Default `'10s'`. */
  grace?: Duration | undefined;
  /** Receives each event. Default: warnings go to stderr, the rest nowhere. */
  logger?: ((event: WorkerEvent) => void) | undefined;
}

/** An event of a worker, for a log. */
export interface WorkerEvent {
  /**
   * `completed`, `retried`, `failed`, `cancelled`: how an attempt ended. `released`: given back, at shutdown or
   * because another job held it up.
   * `rescued`: taken from a dead worker; `failed` follows if that was its last attempt. `dropped`: a result came too
   * late, because the job was no longer this worker's.
   * `warning`: anything a person should check.
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

/** The defaults, only in this place. Durations in ms. */
export const DEFAULTS: ResolvedQueueOptions &
  Omit<ResolvedWorkerOptions, 'signal' | 'logger' | 'quiet' | 'backoff'> & {
    backoff: { base: number; factor: number };
  } = {
  durability: 'sync',
  retention: 604_800_000,
  maxPayload: 1_048_576,
  lockTimeout: 30_000,
  anyFileSystem: false,
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

/** {@link QueueOptions}, checked, durations in ms. */
export interface ResolvedQueueOptions {
  readonly durability: 'sync' | 'os';
  readonly retention: number;
  readonly maxPayload: number;
  readonly lockTimeout: number;
  readonly anyFileSystem: boolean;
}

/** @throws TsvqError `INVALID_ARGUMENT` */
export function resolveQueueOptions(options: QueueOptions): ResolvedQueueOptions {
  onlyKnown('options', options, ['durability', 'retention', 'maxPayload', 'lockTimeout', 'anyFileSystem']);
  const given = { ...DEFAULTS, ...defined(options) };
  const { durability, retention, maxPayload, lockTimeout, anyFileSystem } = given;
  if (durability !== 'sync' && durability !== 'os') throw invalid('durability', durability, "'sync' or 'os'");
  if (typeof anyFileSystem !== 'boolean') throw invalid('anyFileSystem', anyFileSystem, 'true or false');
  return {
    durability,
    retention: duration('retention', retention),
    maxPayload: payloadLimit(maxPayload),
    lockTimeout: duration('lockTimeout', lockTimeout),
    anyFileSystem,
  };
}

/** The most bytes: payload, result and follow-ups must fit into one row, and a row into one string. */
const MOST_PAYLOAD = 100 * 1024 * 1024;

function payloadLimit(value: unknown): number {
  const bytes = count('maxPayload', value);
  if (bytes <= MOST_PAYLOAD) return bytes;
  throw invalid('maxPayload', value, `at most ${MOST_PAYLOAD}, 100 MiB`);
}

/** {@link WorkerOptions}, checked, durations in ms; {@link resolveBackoff} reads `backoff`. */
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
  readonly logger: (event: WorkerEvent) => void;
  /** True if the logger takes only warnings; other events need not be made. */
  readonly quiet: boolean;
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
  'logger',
] as const satisfies readonly (keyof WorkerOptions)[];

/** Prints only warnings, to stderr, because cron mails what a worker prints. */
function warnOnly({ event, message }: WorkerEvent): void {
  if (event === 'warning') complain(message ?? '');
}

/**
 * Prints on stderr, if possible. It avoids process.stderr: if that is broken, its 'error' event would end a
 * process that does not listen, and a library must not listen.
 */
export function complain(message: string): void {
  try {
    writeSync(2, `tsvq: ${message}\n`);
  } catch {
    // Its reader is gone, or its disk full. Work goes on.
  }
}

/** @throws TsvqError `INVALID_ARGUMENT` */
export function resolveWorkerOptions(options: WorkerOptions): ResolvedWorkerOptions {
  onlyKnown('options', options, WORKER_OPTIONS);
  const given = { ...DEFAULTS, ...defined(options) };
  const { signal, logger = warnOnly } = options;
  const { maxInterruptions } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid('signal', signal, 'an AbortSignal');
  if (typeof logger !== 'function') throw invalid('logger', logger, 'a function of one event');
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
    logger,
    quiet: logger === warnOnly,
  };
}
