import type { WaitOptions } from './file/operations/wait-options.js';
import type { InlineOptions } from './file/worker/inline.js';
import type { DefaultJobs, TypeOf } from './job/job.js';
import type { HandlerEntries } from './runner/handler.js';

/** The calls of a queue for the results of jobs. */
export interface Results<Jobs = DefaultJobs> {
  /**
   * Waits until a job has ended, in whatever process it runs. Returns its result. An attempt that fails and is tried
   * again is no end. All waits of a queue share one watch of the file, and a look every half second. A process
   * that waits stays alive.
   *
   * @returns the result of the completed job; undefined if it has none
   * @throws JobFailedError the job failed for good, now or before
   * @throws JobCancelledError it was cancelled
   * @throws WaitTimeoutError it has not ended in time, by default 30 seconds; the job goes on
   * @throws TsvqError `JOB_NOT_FOUND` if neither file nor archive has it; `CLOSED` if the queue is closed;
   *   `INVALID_ARGUMENT`, `NO_ACCESS`, `NOT_A_QUEUE`. After an abort, the signal's reason
   * @example
   * const id = await queue.enqueue('report', { month: '2030-01' });
   * const report = await queue.waitForJob(id, { timeout: '5m' });
   */
  waitForJob(id: string, options?: WaitOptions): Promise<unknown>;

  /**
   * Forgets a finished job. From now on it is unknown to every call, and isn't counted. The next compaction that begins
   * a minute or more after the job's end takes it out of the file, and out of what goes to the archive. Until then its
   * earlier rows are still in the file.
   *
   * @returns true if the job is forgotten now; false if it is unknown, not finished, or in the archive already
   * @throws TsvqError like {@link Queue.enqueue}; `INVALID_ARGUMENT` if its `meta` can't be written
   * @example
   * const result = await queue.waitForJob(id);
   * await queue.forgetJob(id);
   */
  forgetJob(id: string): Promise<boolean>;

  /**
   * Runs a job at once in this process, with nothing of it in the file: for a script, or a test. All that counts for a
   * worker's jobs counts here: the schema, the time limit, attempts and the waits between them, steps, sleeps. The
   * worker's options have their defaults. Follow-ups are enqueued once it has completed. If the process dies, the job
   * is gone.
   *
   * @param handlers as for {@link Queue.processJobs}; the one for `type` has to be there
   * @returns the result, as a worker would record it
   * @throws JobFailedError if it failed for good; `cause` is the last error
   * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`, `CLOSED`; those of {@link Queue.enqueue} if follow-ups
   *   could not be added. After an abort, the signal's reason
   * @example
   * const report = await queue.runInline('report', { month: '2030-01' }, handlers);
   */
  runInline<T extends TypeOf<Jobs>>(
    type: T,
    payload: Jobs[T],
    handlers: Partial<HandlerEntries<Jobs>>,
    options?: InlineOptions,
  ): Promise<unknown>;
}
