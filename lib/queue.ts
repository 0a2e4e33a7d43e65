import type { Stats } from './file/operations/stats.js';
import type { DefaultJobs, Job, TypeOf } from './job/job.js';
import type { Added, EnqueueArguments, ListOptions, NewJob } from './job/job-options.js';
import type { WorkerOptions } from './job/options.js';
import type { EventName, WorkerEvent } from './job/worker-event.js';
import type { Operator } from './operator.js';
import type { Results } from './results.js';
import type { HandlerEntries, Summary } from './runner/handler.js';
import type { Schedules } from './schedules.js';

/** A queue in one file. Its methods reject with a {@link TsvqError}; none of them throws. */
export interface Queue<Jobs = DefaultJobs> extends Operator<Jobs>, Results<Jobs>, Schedules<Jobs> {
  /** The absolute path of the file, as it was given. */
  readonly file: string;

  /**
   * Adds a job. When the promise resolves, the job is in the file, and survives what `durability` says.
   *
   * @returns the job's id, 16 hex digits
   * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE` (nothing was written), `LOCK_TIMEOUT`,
   *   `DISK_FULL`, `WRITE_FAILED`, `SYNC_FAILED`, `NO_ACCESS`, `FILE_SYSTEM`, `DETACHED`, `NOT_A_QUEUE`,
   *   `NEWER_FORMAT`, `CLOSED`, `NOT_INSTALLED`; with `onDuplicate: 'reject'` also `DUPLICATE_JOB`
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
   * Adds a job like {@link enqueue}, and says what came of it, which matters for jobs with a `dedupeKey`.
   *
   * @returns the job's id, and the outcome: `'added'`, `'existing'`, `'replaced'` or `'updated'`
   * @throws TsvqError like {@link enqueue}
   * @example
   * const { id, outcome } = await queue.add('sync', { user: 7 }, { dedupeKey: 'user:7', onDuplicate: 'replace' });
   */
  add<T extends TypeOf<Jobs>>(type: T, ...rest: EnqueueArguments<Jobs[T]>): Promise<Added>;

  /**
   * Adds many jobs like {@link enqueueMany}, and says what came of each. A key is looked for in the file and among the
   * jobs before it in the array. If one job with `onDuplicate: 'reject'` is a duplicate, nothing is written.
   *
   * @returns an id and an outcome for each job, in the order of the jobs
   * @throws TsvqError like {@link enqueueMany}
   * @example
   * const added = await queue.addMany([{ type: 'sync', payload: { user: 7 }, options: { dedupeKey: true } }]);
   */
  addMany(jobs: readonly NewJob<Jobs>[]): Promise<Added[]>;

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
  processJobs(handlers: Partial<HandlerEntries<Jobs>>, options?: WorkerOptions<Jobs>): Promise<Summary>;

  /**
   * Calls a function for each event of this name: those of this queue's workers in this process, and of its calls
   * (`added`, `duplicate`). What other processes do is not heard; `queue tail -f` tells that. What the function throws is
   * dropped.
   *
   * @returns a function that ends it
   * @throws TsvqError `INVALID_ARGUMENT`, at once, for an unknown name
   * @example
   * const off = queue.on('failed', ({ id, type, error }) => alert(`${type} ${id} failed: ${error}`));
   */
  on(name: EventName, listener: (event: WorkerEvent) => unknown): () => void;

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
