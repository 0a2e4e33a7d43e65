import { errorMessage, isInstance, PermanentError, RetryAfterError } from '../job/errors.js';
import type { Attempt } from './attempt.js';

/** How an attempt ended. */
export type Ending =
  | { how: 'returned'; value: unknown }
  /**
   * `goesOn` if the attempt was recorded while its handler still runs. `isUncaught` if the exception ended the
   * process. Its class is ignored, because it may come from a job that had ended.
   */
  | { how: 'threw'; error: unknown; goesOn?: true; isUncaught?: true }
  /** An uncaught exception ends the process, and may come from another handler. */
  | ({ how: 'died' } & Death)
  /** The handler asked to go on at a time, in ms. */
  | { how: 'slept'; until: number }
  /** The worker gave the job back. */
  | { how: 'released' };

/** An uncaught exception that ends the process. */
export interface Death {
  readonly error: unknown;
  /** How many other handlers ran in the process. It is unknown which of them threw. */
  readonly others: number;
}

class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/** Returns the error of an attempt that its time limit stopped after `ms`. */
export function timedOut(ms: number, cause: unknown): Error {
  const why = errorMessage(cause);
  return new TimeLimitError(`stopped after ${Math.round(ms)} ms, its time limit: ${why}`, { cause });
}

/** True if a handler's error decides the job's next state. */
export const decides = (error: unknown): boolean =>
  isInstance(PermanentError, error) || isInstance(RetryAfterError, error);

/**
 * Returns the ending to record. If the attempt was stopped before, its error is not a failure of the job,
 * unless the error decides the job's next state.
 */
export function meaningOf(ending: Ending, { stopped, startedAt }: Attempt, now: number): Ending {
  if (ending.how !== 'threw' || (decides(ending.error) && !ending.isUncaught)) return ending;
  // A cancelled job's outcome is not recorded, unless the file says it is not cancelled.
  if (stopped === 'shutdown' || stopped === 'cancelled') return { how: 'released' };
  if (stopped !== 'timeout' || isInstance(TimeLimitError, ending.error)) return ending;
  return { ...ending, error: timedOut(now - (startedAt ?? 0), ending.error) };
}
