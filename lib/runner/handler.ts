import type { Duration, Instant } from '../job/checks.js';
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
  /**
   * Runs a function once for this job, and records its result. A later attempt gets the recorded result, and doesn't run
   * the function again. If the function throws, nothing is recorded, the attempt fails as usual, and the next one begins
   * with this step. The result has to be a value that JSON can hold.
   *
   * @param name names the step within the job, in at most 200 characters. The same name again, in a loop say, gets `#2`,
   *   `#3`, … in the order of the calls.
   * @returns the result after JSON, recorded durably
   * @throws TsvqError `INVALID_ARGUMENT` for a name or result that can't be used, and for a step inside of a step;
   *   `PAYLOAD_TOO_LARGE`, `DISK_FULL`, `WRITE_FAILED`, `SYNC_FAILED`: the step was not recorded; `CLOSED` if the job is over
   * @example
   * const charge = await context.step('charge', ({ key }) => bank.charge(order, { idempotencyKey: key }));
   */
  readonly step: <R>(name: string, run: (context: StepContext) => R | Promise<R>) => Promise<R>;
  /**
   * Ends the attempt, and lets the job go on after a time, with a new attempt that starts the handler again. Steps that
   * are recorded return at once then, and so does this call. A job that sleeps uses up no attempt, and holds no place
   * and no memory. The promise never settles in an attempt that it ends; `signal` is aborted.
   *
   * @param duration ms, or a text like '3d'
   * @throws TsvqError `INVALID_ARGUMENT`, and as {@link step}
   * @example
   * await context.sleep('3d');
   */
  readonly sleep: (duration: Duration) => Promise<void>;
  /**
   * Ends the attempt like {@link sleep}, and lets the job go on at a time.
   *
   * @param at a Date, an ISO string with an offset, or Unix seconds
   * @throws TsvqError `INVALID_ARGUMENT`, and as {@link step}
   * @example
   * await context.sleepUntil(order.dueAt);
   */
  readonly sleepUntil: (at: Instant) => Promise<void>;
  /**
   * Says how far the job is, for `queue show`, `queue top` and the page. It never waits, and may be called as often as you
   * like: at most four a second are written, and the last one always.
   *
   * @param percent 0 to 100; lower and higher numbers count as these
   * @param message what it is doing
   * @throws TsvqError `INVALID_ARGUMENT` for something that isn't a number
   * @example
   * context.progress((100 * done) / pages.length, `page ${done}`);
   */
  readonly progress: (percent: number, message?: string) => void;
  /**
   * Adds a line to the job's log, which `queue logs ID` prints. It never waits. The newest 1 to 2 MiB of a log are kept, and
   * are removed with the job.
   *
   * @throws TsvqError `INVALID_ARGUMENT` for something that isn't a text
   * @example
   * context.log(`sent to ${recipient}`);
   */
  readonly log: (text: string) => void;
}

/** What the function of a step gets. */
export interface StepContext {
  /** `<id of the job>:<name of the step>`: the idempotency key for what the step calls. */
  readonly key: string;
  /** The signal of the attempt. */
  readonly signal: AbortSignal;
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
  /** How many jobs sleep, because their handler called `sleep` or `sleepUntil`. */
  slept: number;
  /** How many jobs were given back, at shutdown or because another job delayed them. */
  released: number;
  /** How many due jobs had no handler in this call, by type; they stay pending. */
  unhandled: Record<string, number>;
}
