// Of node:util itself, an import loads parts that nothing here uses, in each tick.
import { isNativeError } from 'node:util/types';

/**
 * What a {@link TsvqError} can be about. Codes are stable; messages are for people.
 *
 * | code | what happened |
 * |---|---|
 * | `INVALID_ARGUMENT` | an argument or option has a value that can't be used; nothing was written |
 * | `PAYLOAD_TOO_LARGE` | a payload is over the size limit; nothing was written |
 * | `NO_QUEUE_FILE` | no file was named, and no package.json shows where data/queue.tsv would be; or a file that must exist doesn't |
 * | `NOT_A_QUEUE` | the file's first line is not the header of a queue |
 * | `NEWER_FORMAT` | a later version of this package has written the file: this process may read it, and must be restarted to change it |
 * | `DETACHED` | the path leads to no file that others see: the file alone is mounted, or its folder was taken away |
 * | `NO_ACCESS` | the file or its directory can't be created, read or written |
 * | `FILE_SYSTEM` | the file would be on a file system that a queue can't rely on, NFS say; nothing was written. See `anyFileSystem` |
 * | `LOCK_TIMEOUT` | somebody else held the lock for too long; the message says who, and since when |
 * | `DISK_FULL` | the disk (or a quota, or a file size limit) had no room; `written` has the ids that are in |
 * | `WRITE_FAILED` | the system refused a write for another reason; `written` has the ids that are in |
 * | `SYNC_FAILED` | the disk failed a sync: whether the job is kept is unknown; the queue stops until the process ends |
 * | `NOT_INSTALLED` | a module that the package needs is not there: it was replaced or removed while the process ran, or left out of a bundle |
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
  | 'LOCK_TIMEOUT'
  | 'DISK_FULL'
  | 'WRITE_FAILED'
  | 'SYNC_FAILED'
  | 'NOT_INSTALLED'
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
  override readonly name = 'TsvqError';
  /** Stable, for programs. See {@link ErrorCode}. */
  readonly code: ErrorCode;
  /** The ids of this call that are in the file in spite of the error, in the order of the call. */
  readonly written: readonly string[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; written?: readonly string[] } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.written = options.written ?? [];
  }
}

/** What an error says. Never throws, whatever was thrown: its text may be a getter, or there may be none. */
export function errorMessage(error: unknown): string {
  try {
    return isError(error) ? String(error.message) : String(error);
  } catch {
    return 'an error that could not be read';
  }
}

/** Whether it is an error; also one of Node's own in Jest, where those of the tests have another `Error`. */
export const isError = (value: unknown): value is Error => isNativeError(value) || value instanceof Error;

/** `instanceof` that never throws: a Proxy may have a trap for it. */
export function isInstance<E>(type: abstract new (...args: never[]) => E, value: unknown): value is E {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/**
 * Thrown by a handler, it fails the job for good: no further attempts.
 *
 * @example
 * if (response.status === 410) throw new PermanentError('the receiver is gone');
 */
export class PermanentError extends Error {
  override readonly name = 'PermanentError';
}

/**
 * Thrown by a handler, it sets the time of the next attempt itself instead of the backoff (an HTTP `Retry-After`, say).
 * The next attempt comes up to a tenth of the delay later, or up to a second if that is more, and never sooner.
 *
 * It costs no attempt, as long as such waits in a row take no longer than the worker's `maxRetryAfter`, a day by default.
 * Beyond that, and where the delay is 0, has passed or is none, it counts as an attempt.
 *
 * @example
 * throw new RetryAfterError('the receiver is busy', 90_000);
 */
export class RetryAfterError extends Error {
  override readonly name = 'RetryAfterError';
  /** How long from now until the next attempt. */
  readonly delay: number | string;

  /** @param delay in ms, where a negative number is now, or as '90s' or '10m'; for what is neither, the default backoff waits */
  constructor(message: string, delay: number | string, options?: ErrorOptions) {
    super(message, options);
    this.delay = delay;
  }
}

/**
 * `instanceof` is also true of what another copy of the package in this process has made: by a mark, which subclasses
 * inherit, or by the name. Never by that of the class itself, since a minifier may have changed it.
 */
for (const [name, type] of Object.entries({ TsvqError, PermanentError, RetryAfterError })) {
  const mark = Symbol.for(`tsvq.${name}`);
  Object.defineProperty(type.prototype, mark, { value: true });
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
      // A subclass has instances of its own.
      return this === type && isError(value) && (mark in value || value.name === name);
    },
  });
}
