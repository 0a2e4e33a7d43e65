import type { Pause } from './file/admission/paused.js';
import type { CompactionSummary } from './file/compaction/compact.js';
import type { DrainOptions } from './file/operations/drain.js';
import type { LogOptions } from './file/operations/get.js';
import type { PauseOptions } from './file/operations/pause.js';
import type { PurgeOptions } from './file/operations/purge.js';
import type { RetryOptions } from './file/operations/retry.js';
import type { DefaultJobs, TypeOf } from './job/job.js';

/** The calls of a queue for its operator: to step in for a job, to hold jobs back, and to clean up. */
export interface Operator<Jobs = DefaultJobs> {
  /**
   * Cancels a job that waits, or stops one that runs. The worker of a running job aborts `context.signal` within a
   * second, and drops the handler's result.
   *
   * @returns true if the job is cancelled now; false if it is unknown or finished
   * @throws TsvqError like {@link Queue.enqueue}
   * @example
   * if (!(await queue.cancelJob(id))) console.log('too late');
   */
  cancelJob(id: string): Promise<boolean>;

  /**
   * Makes a failed or cancelled job pending again, due at once or after a delay, with all its attempts.
   *
   * @returns true if the job is pending now; false if it is unknown, or neither failed nor cancelled
   * @throws TsvqError like {@link Queue.enqueue}; `DUPLICATE_JOB` if another job with its `dedupeKey` waits or runs
   * @example
   * await queue.retryJob(id, { delay: '10m' });
   */
  retryJob(id: string, options?: RetryOptions): Promise<boolean>;

  /**
   * Makes a job due now that waits for its time, or for its next attempt. Its attempts stay.
   *
   * @returns true if the job is pending and due now; false if it is unknown, or not pending
   * @throws TsvqError like {@link Queue.enqueue}
   * @example
   * await queue.promoteJob(id);
   */
  promoteJob(id: string): Promise<boolean>;

  /**
   * Notes that a person has seen that a job failed. It stays failed, and `queue check` no longer counts it.
   * {@link retryJob} undoes it.
   *
   * @returns true if the job is failed and dismissed now; false if it is unknown, or not failed
   * @throws TsvqError like {@link Queue.enqueue}; `INVALID_ARGUMENT` if its `meta` has no room for the note
   * @example
   * for (const { id } of await queue.listJobs({ status: 'failed', dismissed: false })) await queue.dismissJob(id);
   */
  dismissJob(id: string): Promise<boolean>;

  /**
   * Reads a job's log: what its handler wrote with `context.log` and `context.progress`, oldest first. Each line has the
   * time in Unix seconds, TAB, the attempt, TAB, what it is (`log`, `progress`, `start` or `end`), TAB, the text. The
   * log is there while the job is in the file.
   *
   * @param options `bytes`: how many of the newest bytes, in whole lines; default: all, 2 MiB at most.
   * @returns '' if the job has no log, or there is no such job
   * @throws TsvqError `INVALID_ARGUMENT`; `NO_ACCESS` if this process may not read it
   * @example
   * console.log(await queue.readLog(id, { bytes: 4096 }));
   */
  readLog(id: string, options?: LogOptions): Promise<string>;

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
   * Pauses the jobs of a type, or all, like {@link pause}. Then waits until none of them runs. A job that was claimed
   * before the pause counts until it has ended; a job whose worker is known to be dead doesn't count. The pause stays,
   * also when `timeout` is over or the process is killed. Awaited in a handler of the type, it waits for that handler.
   *
   * @returns how many jobs still run when `timeout` is over; 0 if none runs
   * @throws TsvqError like {@link pause}; `CLOSED` if the queue is closed, or {@link Queue.abandon} called, during the wait
   * @example
   * const { running } = await queue.drain({ timeout: '5m', by: 'deploy' });
   * if (running > 0) console.log(`${running} jobs still run`);
   */
  drain(options?: DrainOptions<TypeOf<Jobs>>): Promise<{ running: number }>;

  /**
   * Rewrites the file without superseded rows, and moves finished jobs past their retention time to archive/
   * (with `archive: false`, drops them).
   * Workers do it by themselves before they return.
   *
   * @returns how many jobs it kept, archived and dropped, and the bytes of the file before and after
   * @throws TsvqError like {@link Queue.enqueue}
   * @example
   * const { archived } = await queue.compact();
   */
  compact(): Promise<CompactionSummary>;

  /**
   * Takes jobs out of the file for good, by a compaction. They don't go to the archive, and the archive stays as it
   * is. A finished job goes once it finished a minute ago; a younger one stays, and isn't counted. A job that is held
   * by an unreadable line stays, too. Jobs that waited for a purged one may start.
   *
   * @param options which jobs; default: all finished ones
   * @returns how many jobs are gone
   * @throws TsvqError like {@link Queue.enqueue}; `INVALID_ARGUMENT` for jobs that run or wait for others
   * @example
   * const { purged } = await queue.purge({ status: 'failed', olderThan: '90d' });
   */
  purge(options?: PurgeOptions<TypeOf<Jobs>>): Promise<{ purged: number }>;
}
