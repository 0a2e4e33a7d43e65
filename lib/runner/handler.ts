import type { DefaultJobs, Job, Received, TypeOf } from '../job/job.js';
import type { EnqueueArguments, EnqueueOptions } from '../job/job-options.js';
import type { Policy } from '../job/policy.js';

/**
 * The second argument of a handler. It may be destructured, passed on, or copied (`{...context}`). For a unit
 * test, `context()` of `tsvq/testing` makes one.
 */
export interface HandlerContext<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> {
  /**
   * The job as it was claimed. `${job.id}:${job.attempts}` names this one attempt. `job.id` is the same at each
   * attempt, so it is the idempotency key for a receiver.
   */
  readonly job: Job<Jobs, T>;
  /**
   * A signal that is aborted when the job is cancelled, its time is up, or the worker shuts down. `signal.reason`
   * says which.
   */
  readonly signal: AbortSignal;
  /**
   * Enqueues a follow-up, and returns its id at once. The follow-up exists if, and only if, this job completes,
   * because both are written together. With a `dedupeKey` it is left out if another open job has the key then, so
   * it returns undefined; `dedupe` is `'active'`, and `onDuplicate` is `'return'`.
   *
   * @throws TsvqError at once: `INVALID_ARGUMENT`; `PAYLOAD_TOO_LARGE`, also if all follow-ups of the job have more than
   *   128 MiB together; `CLOSED` if the job is over
   * @example
   * const next = context.enqueue('thumbnail', { image });
   */
  readonly enqueue: {
    <F extends TypeOf<Jobs>>(
      type: F,
      payload: Jobs[F],
      options: EnqueueOptions & { dedupeKey: string | true },
    ): undefined;
    <F extends TypeOf<Jobs>>(type: F, ...rest: EnqueueArguments<Jobs[F]>): string;
  };
}

/**
 * A function that runs one job. The value that it returns, or its promise resolves to, is the job's result, if JSON can
 * hold it. An error that it throws fails the attempt. {@link PermanentError} fails the job for good, and
 * {@link RetryAfterError} sets the time of the next attempt.
 *
 * @example
 * const email: Handler<Jobs, 'email'> = async ({ to }, { signal }) => send(to, { signal });
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

/** A handler with the options of its type. The handler is the only option that has to be there. */
export interface HandlerWithPolicy<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>>
  extends Policy<Jobs, T> {
  /** The function that runs one job. */
  handler: Handler<Jobs, T>;
}

/**
 * What `processJobs` takes for a type of job: its handler, or an object with its handler and a {@link Policy}.
 *
 * @example
 * const email: HandlerEntry<Jobs, 'email'> = { handler: ({ to }) => send(to), maxAttempts: 5, timeout: '30s' };
 */
export type HandlerEntry<Jobs = DefaultJobs, T extends TypeOf<Jobs> = TypeOf<Jobs>> =
  | Handler<Jobs, T>
  | HandlerWithPolicy<Jobs, T>;

/** One {@link HandlerEntry} for each type of job. `processJobs` takes a `Partial` of it; see also {@link defineHandlers}. */
export type HandlerEntries<Jobs = DefaultJobs> = { readonly [T in TypeOf<Jobs>]: HandlerEntry<Jobs, T> };

/** The counts that processJobs returns. */
export interface Summary {
  /** How many jobs were claimed. Some may have been given back without being started: see `released`. */
  claimed: number;
  /** How many jobs completed. */
  completed: number;
  /** How many attempts failed and will be tried again. */
  retried: number;
  /** How many jobs failed for good. */
  failed: number;
  /** How many jobs a caller cancelled while they ran. */
  cancelled: number;
  /** How many jobs were taken back from dead workers. */
  rescued: number;
  /** How many jobs were given back, at shutdown or because another job delayed them. */
  released: number;
  /** How many due jobs had no handler in this call, by type; they stay pending. */
  unhandled: Record<string, number>;
}
