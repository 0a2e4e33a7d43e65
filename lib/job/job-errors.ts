import { sharedByCopies, TsvqError } from './errors.js';
import type { Job } from './job.js';

/** What is known of a job that ended without a result. */
interface EndedJob extends Pick<Job, 'id' | 'type' | 'attempts' | 'error'> {}

/** The error of a job that ended without a result. */
abstract class JobError extends TsvqError {
  /** The job's id. */
  readonly id: string;
  /** The job's type. */
  readonly type: string;
  /** How many attempts it had, those before a person's retry included. */
  readonly attempts: number;
  /**
   * The error of the last attempt, with its stack, as in {@link Job.error}; of a cancelled job perhaps why the queue
   * cancelled it. Undefined if there is none.
   */
  readonly lastError: string | undefined;

  constructor(
    code: 'JOB_FAILED' | 'JOB_CANCELLED',
    { id, type, attempts, error }: EndedJob,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(code, `job ${id} (${type}) ${message}`, options);
    this.id = id;
    this.type = type;
    this.attempts = attempts;
    this.lastError = error;
  }
}

/**
 * The error of a call that waited for a job, or ran one, that failed for good. Its code is `JOB_FAILED`.
 *
 * @example
 * try {
 *   await queue.waitForJob(id);
 * } catch (error) {
 *   if (error instanceof JobFailedError) console.log(error.type, error.attempts, error.lastError);
 * }
 */
export class JobFailedError extends JobError {
  override readonly name: string = 'JobFailedError';

  /** @param options the error itself as `cause`, if the job ran in this call */
  constructor(job: EndedJob, options: { cause?: unknown } = {}) {
    const times = job.attempts === 1 ? '1 attempt' : `${job.attempts} attempts`;
    super('JOB_FAILED', job, `failed after ${times}: ${firstLine(job.error)}`, options);
  }
}

/**
 * The error of a call that waited for a job that was cancelled. Its code is `JOB_CANCELLED`.
 *
 * @example
 * if (error instanceof JobCancelledError) return respond(410);
 */
export class JobCancelledError extends JobError {
  override readonly name: string = 'JobCancelledError';

  constructor(job: EndedJob) {
    super('JOB_CANCELLED', job, 'was cancelled');
  }
}

/**
 * The error of a call that waited for a job that did not end in time. Its code is `WAIT_TIMEOUT`. The job goes on.
 *
 * @example
 * if (error instanceof WaitTimeoutError) console.log(`still ${error.job.status}`);
 */
export class WaitTimeoutError extends TsvqError {
  override readonly name: string = 'WaitTimeoutError';
  /** The job as it was when the time was over. */
  readonly job: Job;

  /** @param timeout how long the call waited, in ms */
  constructor(job: Job, timeout: number) {
    super('WAIT_TIMEOUT', `job ${job.id} (${job.type}) is ${job.status} after a wait of ${timeout} ms`);
    this.job = job;
  }
}

/** The most characters of a job's error in the message. */
const MOST = 300;

const firstLine = (error = ''): string => error.split('\n', 1)[0]?.slice(0, MOST) || 'no error is known';

sharedByCopies({ JobFailedError, JobCancelledError, WaitTimeoutError });
