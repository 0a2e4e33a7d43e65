import type { CompactionSummary } from './file/compaction/compact.js';
import { withStoreErrors } from './file/disk/fs.js';
import { cancel } from './file/operations/cancel.js';
import { enqueueAll, type JobRequest } from './file/operations/enqueue.js';
import { get, getArchived } from './file/operations/get.js';
import { list } from './file/operations/list.js';
import { retry } from './file/operations/retry.js';
import { gatherStats, type Stats } from './file/operations/stats.js';
import { Store } from './file/store.js';
import { processQueue } from './file/worker/process-jobs.js';
import { onlyKnown, text } from './job/checks.js';
import { systemClock } from './job/clock.js';
import type { DefaultJobs, Job, TypeOf } from './job/job.js';
import type { EnqueueArguments, EnqueueOptions, ListOptions } from './job/job-options.js';
import { type QueueOptions, resolveQueueOptions, type WorkerOptions } from './job/options.js';
import type { Handlers, Summary } from './runner/handler.js';

/** A process that stays so long loads what it may need: its package may be replaced before its first change. */
const PRELOAD_MS = 1_000;

/** One element of {@link Queue.enqueueMany}. */
export type NewJob<Jobs = DefaultJobs> = {
  [T in TypeOf<Jobs>]: undefined extends Jobs[T]
    ? { type: T; payload?: Jobs[T]; options?: EnqueueOptions }
    : { type: T; payload: Jobs[T]; options?: EnqueueOptions };
}[TypeOf<Jobs>];

/** A queue in one file. Every method rejects, none throws. */
export interface Queue<Jobs = DefaultJobs> {
  /** Absolute path of the file, as it was given. */
  readonly file: string;

  /**
   * Adds a job. When the promise resolves, the job is in the file, and survives what `durability` says.
   *
   * @returns the job's id, 16 hex digits.
   * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE` (nothing was written), `LOCK_TIMEOUT`,
   *   `DISK_FULL`, `WRITE_FAILED`, `SYNC_FAILED`, `NO_ACCESS`, `NOT_A_QUEUE`, `CLOSED`,
   *   `NOT_INSTALLED`
   * @example
   * const id = await queue.enqueue('email', { to: 'ann@example.com' }, { delay: '10m' });
   */
  enqueue<T extends TypeOf<Jobs>>(type: T, ...rest: EnqueueArguments<Jobs[T]>): Promise<string>;

  /**
   * Adds many jobs with one sync. All are checked before any is written. The array may change as soon as this returns,
   * the payloads of more than 500 jobs not before it resolves: they are turned into JSON in pieces.
   *
   * @returns the ids, in the order of the jobs.
   * @throws like {@link enqueue}; where a full disk cut it, `error.written` has the ids that are in.
   * @example
   * const ids = await queue.enqueueMany([{ type: 'email', payload: { to: 'ann@example.com' } }]);
   */
  enqueueMany(jobs: readonly NewJob<Jobs>[]): Promise<string[]>;

  /**
   * Looks a job up; takes no lock. With `archive: true` also among the jobs past their retention time.
   *
   * @returns the job as it is now, or undefined for an id that isn't there.
   * @example
   * const job = await queue.getJob(id);
   * if (job?.status === 'completed') console.log(job.result);
   */
  getJob(id: string, options?: { archive?: boolean }): Promise<Job<Jobs> | undefined>;

  /**
   * Cancels a job that waits, or stops one that runs: its worker aborts `context.signal` within a second, and
   * whatever the handler still returns is dropped.
   *
   * @returns true if it stopped the job from (further) running; false if it is unknown or finished.
   * @example
   * if (!(await queue.cancelJob(id))) console.log('too late');
   */
  cancelJob(id: string): Promise<boolean>;

  /**
   * Makes a failed or cancelled job pending again, due at once, with all its attempts.
   *
   * @returns true if it is pending now; false if it is unknown, or neither failed nor cancelled.
   * @example
   * await queue.retryJob(id);
   */
  retryJob(id: string): Promise<boolean>;

  /**
   * The jobs in the order of the file. Takes no lock; for a large queue use {@link iterateJobs}.
   *
   * @throws TsvqError `INVALID_ARGUMENT`
   * @example
   * const failed = await queue.listJobs({ status: 'failed', type: 'email', limit: 10 });
   */
  listJobs(options?: ListOptions): Promise<Job<Jobs>[]>;

  /**
   * The jobs one after another, without holding them all in memory.
   *
   * @example
   * for await (const job of queue.iterateJobs({ status: 'pending' })) console.log(job.id);
   */
  iterateJobs(options?: ListOptions): AsyncIterableIterator<Job<Jobs>>;

  /**
   * Counts by status and type, the age of what is due, and when a worker last ran.
   *
   * @example
   * const { failed, oldestDueSeconds } = await queue.stats();
   */
  stats(): Promise<Stats>;

  /**
   * Runs the jobs that are due, then returns; with `linger` it stays and waits for more.
   * It installs no signal handlers and never ends the process.
   *
   * @param handlers one function per job type; jobs of other types stay pending.
   * @throws TsvqError `INVALID_ARGUMENT` and the errors of {@link enqueue}; never a handler's error, but what
   *   {@link abandon} was called with
   * @example
   * await queue.processJobs({ email: async ({ to }, { signal }) => send(to, { signal }) });
   */
  processJobs(handlers: Partial<Handlers<Jobs>>, options?: WorkerOptions): Promise<Summary>;

  /**
   * Rewrites the file without superseded rows, and moves finished jobs past their retention time to archive/.
   * Workers do it by themselves at the end of a tick.
   *
   * @example
   * const { archived } = await queue.compact();
   */
  compact(): Promise<CompactionSummary>;

  /**
   * Waits for what is under way and closes the file. A {@link processJobs} that still works is told to stop, as by its
   * `signal`: running jobs have the grace time, and what they ask of the queue meanwhile is done. Calls after that
   * reject with `CLOSED`, another `processJobs` at once, and so may a look that is not over by then. Awaited in a
   * handler, it waits for that handler's grace time. An open queue keeps no process alive, so closing is needed only to
   * be sure that everything asked for is done.
   *
   * @example
   * process.once('SIGTERM', () => queue.close());
   */
  close(): Promise<void>;

  /**
   * Ends the {@link processJobs} calls of this queue at once, for a process that is about to die of `error`, which
   * nothing has caught. If one handler is under way in the process, its attempt fails by that error. Of several, any may
   * have thrown it: each job keeps the error, is forgiven the attempt, and runs alone next time. What was claimed and not
   * started is given back. Then processJobs rejects with `error`, and no other begins.
   *
   * @returns when that is in the file, or could not be written within 5 seconds; never rejects
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
 * Opens a queue file; at once, since nothing is read or made before the first call that needs it. Open it once and keep
 * the queue: it holds the file open until it is closed.
 *
 * @param file path of the TSV file, or its `file:` URL; it and its directory are made by the first enqueue. A path that
 *   isn't absolute begins at the working directory.
 * @throws TsvqError `INVALID_ARGUMENT`, synchronously (only here)
 * @example
 * const queue = openQueue<{ email: { to: string } }>('data/queue.tsv', { durability: 'sync' });
 * await queue.enqueue('email', { to: 'ann@example.com' });
 */
export function openQueue<Jobs = DefaultJobs>(file: string | URL, options: QueueOptions = {}): Queue<Jobs> {
  const store = new Store(file, resolveQueueOptions(options));
  systemClock.later(PRELOAD_MS, () => store.preload());
  return overStore<Jobs>(store);
}

/**
 * The same over a store of one's own making: with another clock, or a file system that fails on demand.
 *
 * @internal
 */
export function overStore<Jobs = DefaultJobs>(store: Store): Queue<Jobs> {
  const { path } = store;
  const queue = {
    file: path,
    enqueue: async (type: string, payload?: unknown, options?: EnqueueOptions) => {
      const [id] = await withStoreErrors(path, () => enqueueAll(store, [{ type, payload, options }]));
      return id as string;
    },
    enqueueMany: async (jobs: readonly JobRequest[]) => withStoreErrors(path, () => enqueueAll(store, jobs)),
    getJob: async (id: string, options?: { archive?: boolean }) =>
      withStoreErrors(path, async () => {
        // `ids.map(queue.getJob)` gives a number here, which asks for nothing.
        if (typeof options === 'object' && options !== null) onlyKnown('options', options, ['archive']);
        return (await get(store, text('id', id))) ?? (options?.archive ? getArchived(store, id) : undefined);
      }),
    cancelJob: async (id: string) => withStoreErrors(path, () => cancel(store, text('id', id))),
    retryJob: async (id: string) => withStoreErrors(path, () => retry(store, text('id', id))),
    listJobs: async (options: ListOptions = {}) =>
      withStoreErrors(path, async () => {
        const jobs: Job[] = [];
        for await (const job of list(store, options)) jobs.push(job);
        return jobs;
      }),
    iterateJobs: (options: ListOptions = {}) => list(store, options),
    stats: async () => withStoreErrors(path, () => gatherStats(store)),
    processJobs: async (handlers: Partial<Handlers>, options: WorkerOptions = {}) =>
      processQueue(store, handlers, options),
    compact: async () => withStoreErrors(path, () => store.compact()),
    close: async () => withStoreErrors(path, () => store.close()),
    abandon: async (error: unknown) => store.abandon(error),
  };
  // The one place where the names of jobs and the types of their payloads, which the file can't hold, are joined.
  return queue as unknown as Queue<Jobs>;
}
