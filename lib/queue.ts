import type { Pause } from './file/admission/paused.js';
import type { CompactionSummary } from './file/compaction/compact.js';
import { fileQueue } from './file/file-queue.js';
import type { PauseOptions } from './file/operations/pause.js';
import type { Stats } from './file/operations/stats.js';
import { Store } from './file/store.js';
import { systemClock } from './job/clock.js';
import type { DefaultJobs, Job, TypeOf } from './job/job.js';
import type { EnqueueArguments, EnqueueOptions, ListOptions } from './job/job-options.js';
import { type QueueOptions, resolveQueueOptions, type WorkerOptions } from './job/options.js';
import type { RowSource } from './job/row-source.js';
import type { HandlerEntries, Summary } from './runner/handler.js';

/**
 * How long a process lives before it loads all modules that it may need, in ms. Later, `npm install` may have
 * replaced them.
 */
const PRELOAD_MS = 1_000;

/** One job of {@link Queue.enqueueMany}. */
export type NewJob<Jobs = DefaultJobs> = {
  [T in TypeOf<Jobs>]: undefined extends Jobs[T]
    ? { type: T; payload?: Jobs[T]; options?: EnqueueOptions }
    : { type: T; payload: Jobs[T]; options?: EnqueueOptions };
}[TypeOf<Jobs>];

/** A queue in one file. Its methods reject with a {@link TsvqError}; none of them throws. */
export interface Queue<Jobs = DefaultJobs> {
  /** The absolute path of the file, as it was given. */
  readonly file: string;

  /**
   * Adds a job. When the promise resolves, the job is in the file, and survives what `durability` says.
   *
   * @returns the job's id, 16 hex digits
   * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE` (nothing was written), `LOCK_TIMEOUT`,
   *   `DISK_FULL`, `WRITE_FAILED`, `SYNC_FAILED`, `NO_ACCESS`, `FILE_SYSTEM`, `DETACHED`, `NOT_A_QUEUE`,
   *   `NEWER_FORMAT`, `CLOSED`, `NOT_INSTALLED`
   * @example
   * const id = await queue.enqueue('email', { to: 'ann@example.com' }, { delay: '10m' });
   */
  enqueue<T extends TypeOf<Jobs>>(type: T, ...rest: EnqueueArguments<Jobs[T]>): Promise<string>;

  /**
   * Adds many jobs with one sync. All are checked before any is written. The array may change as soon as the call
   * returns. The payloads of more than 500 jobs may change only after it resolves, because they are turned into
   * JSON in pieces.
   *
   * @returns the ids, in the order of the jobs
   * @throws TsvqError like {@link enqueue}; if a full disk stopped it, `error.written` has the ids that are in the file
   * @example
   * const ids = await queue.enqueueMany([{ type: 'email', payload: { to: 'ann@example.com' } }]);
   */
  enqueueMany(jobs: readonly NewJob<Jobs>[]): Promise<string[]>;

  /**
   * Looks up a job, without the lock. With `archive: true` it also looks among the archived jobs, which are past
   * their retention time. Default: false.
   *
   * @returns the job as it is now, or undefined if there is none with this id
   * @throws TsvqError `INVALID_ARGUMENT`, `NO_ACCESS`, `NOT_A_QUEUE`, `CLOSED`
   * @example
   * const job = await queue.getJob(id);
   * if (job?.status === 'completed') console.log(job.result);
   */
  getJob(id: string, options?: { archive?: boolean }): Promise<Job<Jobs> | undefined>;

  /**
   * Cancels a job that waits, or stops one that runs. The worker of a running job aborts `context.signal` within a
   * second, and drops the handler's result.
   *
   * @returns true if the job is cancelled now; false if it is unknown or finished
   * @throws TsvqError like {@link enqueue}
   * @example
   * if (!(await queue.cancelJob(id))) console.log('too late');
   */
  cancelJob(id: string): Promise<boolean>;

  /**
   * Makes a failed or cancelled job pending again, due at once, with all its attempts.
   *
   * @returns true if the job is pending now; false if it is unknown, or neither failed nor cancelled
   * @throws TsvqError like {@link enqueue}
   * @example
   * await queue.retryJob(id);
   */
  retryJob(id: string): Promise<boolean>;

  /**
   * Lists jobs in the order of the file, without the lock. For a large queue use {@link iterateJobs}.
   *
   * @throws TsvqError `INVALID_ARGUMENT`, `NO_ACCESS`, `NOT_A_QUEUE`, `CLOSED`
   * @example
   * const failed = await queue.listJobs({ status: 'failed', type: 'email', limit: 10 });
   */
  listJobs(options?: ListOptions): Promise<Job<Jobs>[]>;

  /**
   * Gives the jobs that {@link listJobs} lists one after another, without holding them all in memory.
   *
   * @throws TsvqError like {@link listJobs}, at the first job
   * @example
   * for await (const job of queue.iterateJobs({ status: 'pending' })) console.log(job.id);
   */
  iterateJobs(options?: ListOptions): AsyncIterableIterator<Job<Jobs>>;

  /**
   * Counts the jobs by status and type, without the lock. It also says how long the oldest due job has waited,
   * and when a worker last looked.
   *
   * @throws TsvqError `NO_ACCESS`, `NOT_A_QUEUE`, `CLOSED`
   * @example
   * const { failed, oldestDueSeconds } = await queue.stats();
   */
  stats(): Promise<Stats>;

  /**
   * Runs the jobs that are due, then returns. With `linger` it stays and waits for more. It installs no signal
   * handlers, and never ends the process.
   *
   * @param handlers for each job type a function, or an object with it and the options of the type ({@link Policy});
   *   jobs of other types stay pending
   * @returns how many jobs ended in which way
   * @throws TsvqError like {@link enqueue}, never a handler's error; after {@link abandon}, the error given to that
   * @example
   * await queue.processJobs({ email: async ({ to }, { signal }) => send(to, { signal }) });
   */
  processJobs(handlers: Partial<HandlerEntries<Jobs>>, options?: WorkerOptions): Promise<Summary>;

  /**
   * Pauses the jobs of a type, or all. Once it resolves, no worker claims one; a job that was claimed before may still
   * start. Jobs that run go on, and everything else works as before. It lasts until {@link resume}, also when all
   * processes end. A second call replaces `until` and `by`.
   *
   * @param type a job type; default: all types.
   * @throws TsvqError `INVALID_ARGUMENT`, `NOT_A_QUEUE` if there is no file yet, and the errors of {@link compact}
   * @example
   * await queue.pause('email', { until: '2030-01-31T09:00:00Z', by: 'ann' });
   */
  pause(type?: TypeOf<Jobs>, options?: PauseOptions): Promise<void>;

  /**
   * Ends a pause. Lingering workers start the jobs within half a second, others with the next tick.
   *
   * @param type the type given to {@link pause}; default: the pause of all types. A pause of one type then stays.
   * @returns true if jobs start again because of it; false if the type was not paused, or all types still are.
   * @example
   * await queue.resume('email');
   */
  resume(type?: TypeOf<Jobs>): Promise<boolean>;

  /**
   * Lists the pauses that have not ended.
   *
   * @example
   * for (const { type, since, until, by } of await queue.paused()) console.log(type, since, until, by);
   */
  paused(): Promise<Pause[]>;

  /**
   * Rewrites the file without superseded rows, and moves finished jobs past their retention time to archive/.
   * Workers do it by themselves before they return.
   *
   * @returns how many jobs it kept and archived, and the bytes of the file before and after
   * @throws TsvqError like {@link enqueue}
   * @example
   * const { archived } = await queue.compact();
   */
  compact(): Promise<CompactionSummary>;

  /**
   * Waits for running calls, and closes the file. A {@link processJobs} that still works is told to stop, as by its
   * `signal`: running jobs have the grace time, and their calls of the queue are still carried out. A new
   * `processJobs` rejects with `CLOSED` at once. Any other call rejects with it after the end, and so may a read that
   * is not over by then. Awaited in a handler, `close` waits for that handler's grace time. An open queue doesn't keep
   * the process alive, so you need to close it only to be sure that all calls are carried out.
   *
   * @example
   * process.once('SIGTERM', () => queue.close());
   */
  close(): Promise<void>;

  /**
   * Ends the {@link processJobs} calls of this queue at once, for a process that is about to die of the uncaught
   * `error`. If one handler is running in the process, its attempt fails with that error. If several are running,
   * any of them may have thrown it. So each job keeps the error, is forgiven the attempt, and runs alone next
   * time. Jobs that were claimed and not started are given back. Then processJobs rejects with `error`, and a new
   * call of it rejects.
   *
   * @returns a promise that resolves when the outcomes are in the file, or after 5 seconds; it never rejects
   * @example
   * process.on('uncaughtException', async (error) => {
   *   console.error(error);
   *   setTimeout(() => process.exit(1), 10_000);
   *   await queue.abandon(error);
   *   process.exit(1);
   * });
   */
  abandon(error: unknown): Promise<void>;
}

/**
 * Opens a queue. It returns at once, because only the first call that needs the file reads or makes it.
 * Open a file once and keep the queue, because each opened queue holds the file open until it is closed.
 *
 * @param file the path of the file, or its `file:` URL. The first enqueue makes the file and its directory. A relative
 *   path begins at the working directory.
 * @throws TsvqError `INVALID_ARGUMENT`, at once, for a path or an option that can't be used
 * @example
 * const queue = openQueue<{ email: { to: string } }>('data/queue.tsv', { durability: 'sync' });
 * await queue.enqueue('email', { to: 'ann@example.com' });
 */
export function openQueue<Jobs = DefaultJobs>(file: string | URL, options: QueueOptions = {}): Queue<Jobs> {
  const store = new Store(file, resolveQueueOptions(options));
  systemClock.later(PRELOAD_MS, () => store.preload());
  return overStore<Jobs>(store);
}

/** The key under which each queue has its source of rows, whatever its engine. Not part of the public interface. */
const ROWS = Symbol('rows');

/**
 * Opens a source of the rows of a queue, for a view.
 *
 * @internal
 */
export function rowsOf(queue: Queue): RowSource {
  return (queue as Queue & { readonly [ROWS]: () => RowSource })[ROWS]();
}

/**
 * Makes the queue of a store. Tests pass a store with another clock, or with a file system that fails on demand.
 *
 * @internal
 */
export function overStore<Jobs = DefaultJobs>(store: Store): Queue<Jobs> {
  const { rows, ...calls } = fileQueue(store);
  // Only here do job names get the types of their payloads, which the file can't hold.
  return { ...calls, [ROWS]: rows } as unknown as Queue<Jobs>;
}
