import type { DefaultJobs, Job, Received, TypeOf } from '../job/job.js';
import type { EnqueueArguments } from '../job/job-options.js';

/**
 * The second argument of a handler. It may be destructured, passed on, or copied (`{...context}`). For a unit
 * test, `context()` of `tsvq/testing` makes one.
 */
export interface HandlerContext<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> {
  /**
   * The job as it was claimed. `${job.id}:${job.attempts}` names this one run. A receiver that must notice a
   * second attempt of the job needs `job.id` as its idempotency key.
   */
  readonly job: Job<Jobs, T>;
  /** Aborted when the job is cancelled, its time is up, or the worker shuts down; `signal.reason` says which. */
  readonly signal: AbortSignal;
  /**
   * Enqueues a follow-up and returns its id at once. It exists only if this job completes; then both
   * are written together.
   *
   * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE` (or more than 128 MiB of follow-ups together), at once
   * @example
   * const next = context.enqueue('thumbnail', { image });
   */
  readonly enqueue: <F extends TypeOf<Jobs>>(type: F, ...rest: EnqueueArguments<Jobs[F]>) => string;
}

/**
 * Runs one job. What it returns (or its promise resolves to) is kept as the job's result, if JSON can hold
 * it. What it throws fails the attempt. Throw {@link PermanentError} to fail for good.
 */
export type Handler<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> = (
  payload: Received<Jobs[T]>,
  context: HandlerContext<Jobs, T>,
) => unknown;

/**
 * One handler for each type of job; each can be called. A worker that serves only some types takes
 * `Partial<Handlers<Jobs>>`.
 *
 * @example
 * const handlers: Handlers<{ email: { to: string } }> = { email: ({ to }, { signal }) => send(to, { signal }) };
 * await handlers.email({ to: 'ann@example.com' }, context()); // in a test; context is from 'tsvq/testing'
 */
export type Handlers<Jobs = DefaultJobs> = { readonly [T in TypeOf<Jobs>]: Handler<Jobs, T> };

/** The counts that processJobs returns. */
export interface Summary {
  /** Jobs claimed. Some may have been given back without being started: see `released`. */
  claimed: number;
  /** Jobs completed. */
  completed: number;
  /** Attempts that failed and will be tried again. */
  retried: number;
  /** Jobs failed for good. */
  failed: number;
  /** Running jobs that were cancelled. */
  cancelled: number;
  /** Jobs taken back from dead workers. */
  rescued: number;
  /** Jobs given back at shutdown, or because another job held them up. */
  released: number;
  /** Due jobs without a handler here, by type; they stay pending. */
  unhandled: Record<string, number>;
}
