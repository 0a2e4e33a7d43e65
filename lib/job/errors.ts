// Importing node:util itself loads unused parts at each cron tick.
import { isNativeError } from 'node:util/types';

/**
 * The code of a {@link TsvqError}. Codes are stable; messages are for people.
 *
 * | code | what happened |
 * |---|---|
 * | `INVALID_ARGUMENT` | an argument or option has a value that can't be used; nothing was written |
 * | `PAYLOAD_TOO_LARGE` | a payload is over the size limit; nothing was written |
 * | `NO_QUEUE_FILE` | no file was named, and no package.json shows where data/queue.tsv would be |
 * | `NOT_A_QUEUE` | the file's first line is not the header of a queue; or there is no file, and `pause` needs one |
 * | `NEWER_FORMAT` | a later version of this package has written the file: this process may read it, and must be restarted to change it |
 * | `DETACHED` | other processes don't see the file: it is mounted alone, or its folder was taken away |
 * | `NO_ACCESS` | the file or its directory can't be created, read or written |
 * | `FILE_SYSTEM` | the file would be on a file system that a queue can't rely on, NFS say; nothing was written. See `anyFileSystem` |
 * | `DUPLICATE_JOB` | a job with the same `dedupeKey` counts already; nothing was written; `existing` has the ids of such jobs |
 * | `QUEUE_FULL` | the file would become larger than `maxBytes`; nothing was written. Purge finished jobs, keep them for less long, or raise it |
 * | `LOCK_TIMEOUT` | another process held the lock for too long; the message says which, and since when |
 * | `DISK_FULL` | the disk (or a quota, or a file size limit) had no room; `written` has the ids that are in |
 * | `WRITE_FAILED` | the system refused a write for another reason; `written` has the ids that are in |
 * | `SYNC_FAILED` | the disk failed a sync: whether the job is kept is unknown; the queue stops until the process ends |
 * | `NOT_INSTALLED` | a module that the package needs is not there: it was replaced or removed while the process ran, or left out of a bundle |
 * | `JOB_FAILED` | the job that a call waited for, or ran, failed for good; see {@link JobFailedError} |
 * | `JOB_CANCELLED` | the job that a call waited for was cancelled; see {@link JobCancelledError} |
 * | `JOB_NOT_FOUND` | no job with the id is in the file or the archive: it was never there, was purged, or is forgotten |
 * | `WAIT_TIMEOUT` | the job did not end in time, and goes on; see {@link WaitTimeoutError} |
 * | `CLOSED` | the queue was closed before the call; or the job that enqueues a follow-up is over |
 */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'PAYLOAD_TOO_LARGE'
  | 'NO_QUEUE_FILE'
  | 'NOT_A_QUEUE'
  | 'NEWER_FORMAT'
  | 'DETACHED'
  | 'NO_ACCESS'
  | 'FILE_SYSTEM'
  | 'DUPLICATE_JOB'
  | 'QUEUE_FULL'
  | 'LOCK_TIMEOUT'
  | 'DISK_FULL'
  | 'WRITE_FAILED'
  | 'SYNC_FAILED'
  | 'NOT_INSTALLED'
  | 'JOB_FAILED'
  | 'JOB_CANCELLED'
  | 'JOB_NOT_FOUND'
  | 'WAIT_TIMEOUT'
  | 'CLOSED';

/**
 * Every error that this package throws or rejects with.
 *
 * @example
 * try {
 *   await enqueue('email', { to });
 * } catch (error) {
 *   if (error instanceof TsvqError && error.code === 'DISK_FULL') return respond(503);
 *   throw error;
 * }
 */
export class TsvqError extends Error {
  override readonly name: string = 'TsvqError';
  /** A stable code for programs. See {@link ErrorCode}. */
  readonly code: ErrorCode;
  /** The ids of this call that are in the file despite the error, in the call's order. */
  readonly written: readonly string[];
  /** With `DUPLICATE_JOB`, the ids of the jobs that have the key already. */
  readonly existing: readonly string[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; written?: readonly string[]; existing?: readonly string[] } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.written = options.written ?? [];
    this.existing = options.existing ?? [];
  }
}

/** Returns an error's message. Never throws, although the message may be a getter, or missing. */
export function errorMessage(error: unknown): string {
  try {
    return isError(error) ? String(error.message) : String(error);
  } catch {
    return 'an error that could not be read';
  }
}

/** True for an error. Also true for Node's own errors in Jest, where tests have another `Error`. */
export const isError = (value: unknown): value is Error => isNativeError(value) || value instanceof Error;

/** True if `value` is an instance of `type`. It never throws, although a Proxy may trap `instanceof`. */
export function isInstance<E>(type: abstract new (...args: never[]) => E, value: unknown): value is E {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/**
 * An error that a handler throws to fail the job for good.
 *
 * @example
 * if (response.status === 410) throw new PermanentError('the receiver is gone');
 */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
}

/**
 * An error that a handler throws to set the next attempt's time (an HTTP `Retry-After`, say), without
 * backoff. That attempt comes up to a tenth of the delay later, or a second if that is more, never sooner.
 *
 * It costs no attempt while such waits in a row take at most the worker's `maxRetryAfter`, by default a day. A
 * later one counts as an attempt, and so does a delay that is 0, negative or not a duration.
 *
 * @example
 * throw new RetryAfterError('the receiver is busy', 90_000);
 */
export class RetryAfterError extends Error {
  override readonly name = 'RetryAfterError';
  /** The time until the next attempt. */
  readonly delay: number | string;

  /** @param delay in ms (negative is now) or like '90s' or '10m'; otherwise the default backoff waits */
  constructor(message: string, delay: number | string, options?: ErrorOptions) {
    super(message, options);
    this.delay = delay;
  }
}

/**
 * Makes `instanceof` also true for errors of another copy of the package in this process, by an inherited
 * mark or the error's name. It never uses the class's name, because a minifier may change it.
 */
export function sharedByCopies(
  types: Readonly<Record<string, abstract new (...args: never[]) => Error>>,
): void {
  for (const [name, type] of Object.entries(types)) {
    const mark = Symbol.for(`tsvq.${name}`);
    Object.defineProperty(type.prototype, mark, { value: true });
    Object.defineProperty(type, Symbol.hasInstance, {
      value(this: unknown, value: unknown): boolean {
        if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
        // A subclass has its own instances.
        return this === type && isError(value) && (mark in value || value.name === name);
      },
    });
  }
}

sharedByCopies({ TsvqError, PermanentError, RetryAfterError });
