import { isPromise } from 'node:util/types';
import { type Backoff, resolveBackoff } from './backoff.js';
import type { BackoffOption } from './backoff-option.js';
import { count, type Duration, invalid, timeLimit } from './checks.js';
import type { DefaultJobs, Job, Received, TypeOf } from './job.js';
import { type ConcurrencyLimit, checkLimits, type Limits, type RateLimit } from './limits.js';
import { checkName } from './name.js';
import type { ResolvedWorkerOptions } from './options.js';
import { type StandardSchema, schemaOf } from './standard-schema.js';

/**
 * The options of one type of job. Of each option, the job's own counts first, then this one, then the worker's.
 *
 * @example
 * const policy: Policy<Jobs, 'email'> = { maxAttempts: 5, timeout: '30s', backoff: { kind: 'fixed', delay: '5m' } };
 */
export interface Policy<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> {
  /** How often a job is tried before it is `failed`. Default: the worker's `maxAttempts`. */
  maxAttempts?: number | undefined;
  /** The time limit of one attempt, from 1 ms to a year. Default: the worker's `timeout`. */
  timeout?: Duration | undefined;
  /** How long a failed job waits for its next attempt. Default: the worker's `backoff`. */
  backoff?: BackoffOption<Jobs, T> | undefined;
  /**
   * A function that says if a failed attempt is tried again: false fails the job for good. It is asked after an error
   * or a time limit, if attempts are left. It is not asked for a {@link PermanentError}, a {@link RetryAfterError} or
   * an uncaught exception. If it throws, or returns no boolean, the job is tried again. Default: always.
   */
  retryIf?: ((error: unknown, job: Job<Jobs, T>) => boolean) | undefined;
  /**
   * How many of its jobs may run at a time, over all workers: a number, or `{ max, by: 'group' }` for each group. Jobs
   * over it wait, and use up no attempt. Default: no limit.
   */
  concurrency?: number | ConcurrencyLimit | undefined;
  /**
   * How many of its jobs may start in a time, over all workers: `{ max: 5, per: '1s' }`. Jobs over it wait, and use up no
   * attempt. Each attempt counts. Default: no limit.
   */
  rateLimit?: RateLimit | undefined;
  /**
   * A schema that checks the payload before each attempt. The handler gets the value that the schema returns; a payload
   * that doesn't fit fails the job for good. Default: none.
   */
  schema?: StandardSchema<Received<Jobs[T]>> | undefined;
  /**
   * A function that is called after a job has completed, with the job and its result. It runs in the worker once the
   * outcome is durable, and can't change it; what it throws is a warning. It is called at most once: a crash in between
   * loses the call. Work that has to happen belongs into a follow-up. Default: none.
   */
  onSuccess?: ((job: Job<Jobs, T>, result: unknown) => unknown) | undefined;
  /**
   * A function that is called after a job has failed for good, with the job and the error. Apart from that it is like
   * `onSuccess`. Default: none.
   */
  onFailure?: ((job: Job<Jobs, T>, error: unknown) => unknown) | undefined;
  /**
   * The type of a job that is added whenever a job fails for good, by the same commit, so that no crash loses it. Its
   * payload is `{ id, type, error, attempts, payload }` of the failed job. A job that was added this way has no
   * failureJob itself. Default: none.
   */
  failureJob?: TypeOf<Jobs> | undefined;
}

/** The names of the options of a {@link Policy}. */
export const POLICY_OPTIONS = [
  'maxAttempts',
  'timeout',
  'backoff',
  'retryIf',
  'concurrency',
  'rateLimit',
  'schema',
  'onSuccess',
  'onFailure',
  'failureJob',
] as const satisfies readonly (keyof Policy)[];

/** A checked {@link Policy}, durations in ms; undefined for what it doesn't say. */
export interface CheckedPolicy {
  readonly maxAttempts: number | undefined;
  readonly timeout: number | undefined;
  readonly backoff: Backoff | undefined;
  readonly retryIf: Policy['retryIf'];
  /** Undefined if there is no limit. */
  readonly limits: Limits | undefined;
  readonly schema: StandardSchema | undefined;
  readonly onSuccess: Policy['onSuccess'];
  readonly onFailure: Policy['onFailure'];
  readonly failureJob: string | undefined;
}

/** Checks the options of a type. @param name the text before option names in errors @throws TsvqError `INVALID_ARGUMENT` */
export function checkPolicy(name: string, policy: Policy): CheckedPolicy {
  const { maxAttempts, timeout, backoff, concurrency, rateLimit, schema, failureJob } = policy;
  return {
    maxAttempts: maxAttempts === undefined ? undefined : count(`${name}.maxAttempts`, maxAttempts),
    timeout: timeout === undefined ? undefined : timeLimit(`${name}.timeout`, timeout),
    backoff: backoff === undefined ? undefined : resolveBackoff(`${name}.backoff`, backoff),
    retryIf: hook(`${name}.retryIf`, policy.retryIf, 'a function of an error and a job'),
    limits: checkLimits(name, concurrency, rateLimit),
    schema: schema === undefined ? undefined : schemaOf(`${name}.schema`, schema),
    onSuccess: hook(`${name}.onSuccess`, policy.onSuccess, 'a function of a job and its result'),
    onFailure: hook(`${name}.onFailure`, policy.onFailure, 'a function of a job and an error'),
    failureJob: failureJob === undefined ? undefined : checkName(`${name}.failureJob`, failureJob),
  };
}

function hook<F>(name: string, given: F, wanted: string): F {
  if (given !== undefined && typeof given !== 'function') throw invalid(name, given, wanted);
  return given;
}

/** The options that count for the jobs of a type, unless a job has its own; durations in ms. */
export interface ResolvedPolicy extends Pick<CheckedPolicy, 'onSuccess' | 'onFailure' | 'failureJob'> {
  readonly maxAttempts: number;
  readonly timeout: number;
  readonly backoff: Backoff;
  readonly retryIf: Policy['retryIf'];
  readonly limits: Limits | undefined;
}

/** Returns a worker's own policy, for types without one. @throws TsvqError `INVALID_ARGUMENT` for its backoff */
export const workerPolicy = ({ maxAttempts, timeout, backoff }: ResolvedWorkerOptions): ResolvedPolicy => ({
  maxAttempts,
  timeout,
  backoff: resolveBackoff('backoff', backoff),
  retryIf: undefined,
  limits: undefined,
  onSuccess: undefined,
  onFailure: undefined,
  failureJob: undefined,
});

/** Returns what counts for a type: option by option its own, otherwise the worker's. */
export const mergedPolicy = (own: CheckedPolicy, worker: ResolvedPolicy): ResolvedPolicy => ({
  maxAttempts: own.maxAttempts ?? worker.maxAttempts,
  timeout: own.timeout ?? worker.timeout,
  backoff: own.backoff ?? worker.backoff,
  retryIf: own.retryIf,
  limits: own.limits,
  onSuccess: own.onSuccess,
  onFailure: own.onFailure,
  failureJob: own.failureJob,
});

/** Asks `retryIf` if a failed attempt is tried again. @throws if it throws, or returns no boolean */
export function isRetried(retryIf: NonNullable<Policy['retryIf']>, error: unknown, job: Job): boolean {
  const answer: unknown = retryIf(error, job);
  if (typeof answer === 'boolean') return answer;
  // A promise can't be used. A rejected one that is not caught would end the worker's process.
  if (isPromise(answer)) Promise.prototype.then.call(answer, undefined, () => {});
  throw invalid('the result of retryIf', answer, 'true or false');
}
