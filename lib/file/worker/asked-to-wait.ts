import { clamp } from '../../job/backoff.js';
import { duration } from '../../job/checks.js';
import { isInstance, PermanentError, RetryAfterError } from '../../job/errors.js';
import { NO_ATTEMPT_NOTES, type OwnMeta } from '../format/meta.js';
import type { Change } from '../format/stored-job.js';
import type { ClaimedJob } from './claimed-job.js';

/** The least spread of requested waits, because a receiver refuses jobs again that all come back at once. */
const LEAST_SPREAD_MS = 1000;

/** A wait that a handler has asked for. */
export interface Asked {
  /** How long, in ms; never 0. */
  readonly wait: number;
  /** True if the attempt is forgiven. */
  readonly isFree: boolean;
  /** A line in the job's error. */
  readonly note: string;
  readonly change: Pick<Change, 'meta' | 'forgiven'>;
}

/**
 * Returns the wait that an error asks for; undefined if there is none. A wait that has passed, or isn't a time, doesn't
 * count, because it has no bound, so a job could loop without end.
 */
export function askedToWait(
  { claim }: ClaimedJob,
  error: unknown,
  now: number,
  maxRetryAfter: number,
): Asked | undefined {
  let wait = 0;
  try {
    if (!isInstance(PermanentError, error) && isInstance(RetryAfterError, error)) wait = delayOf(error);
  } catch {
    // The delay isn't a time. The caller decides.
  }
  if (wait === 0) return undefined;
  // The clock may have been set back.
  const since = Math.min((claim.meta['@askedToWaitSince'] ?? Number.POSITIVE_INFINITY) * 1000, now);
  const meta: OwnMeta = { ...NO_ATTEMPT_NOTES, '@askedToWaitSince': Math.round(since) / 1000 };
  // Without the note, the waits would never reach their bound.
  const isFree = now + wait - since <= maxRetryAfter && claim.canNote(meta);
  return {
    wait,
    isFree,
    note: `asked to wait ${wait / 1000} s: ${isFree ? 'not counted as an attempt' : `counted as an attempt (waits in a row count beyond ${maxRetryAfter / 1000} s, the maxRetryAfter of the worker)`}`,
    change: isFree ? { meta, forgiven: claim.forgiven + 1 } : { meta },
  };
}

/** Returns when the next attempt comes, in ms from now. It is later than asked by chance, never sooner. */
export const spreadWait = ({ wait }: Asked, random: () => number): number =>
  wait + random() * Math.max(wait / 10, LEAST_SPREAD_MS);

/** Returns an error's delay in ms; 0 for a past moment. @throws TsvqError if the delay isn't a time */
export function delayOf({ delay }: RetryAfterError): number {
  return clamp(
    duration('the delay of a RetryAfterError', typeof delay === 'number' ? Math.max(delay, 0) : delay),
  );
}
