import type { Status } from '../../job/job.js';

/** A day in ms, because a clock that people read is not wrong by more. */
export const DAY_MS = 86_400_000;
/** The year 5138, in ms; no job may be enqueued for a later time. */
const LATEST_MS = 1e14;

/** The times of an open job, in ms; NaN if unreadable. */
interface Times {
  readonly createdAt: number;
  readonly startedAt: number;
  readonly runAt: number;
}

/**
 * Returns why an open job or a schedule waits for a wrong time: to run, to be rescued, or for its next slot. A clock
 * was wrong when its row was written, or another program took milliseconds for seconds.
 *
 * @param now in ms
 * @returns undefined for a job that waits as it should
 * @example
 * datedAhead('pending', { createdAt: Date.UTC(2061, 0), startedAt: Number.NaN, runAt: Date.UTC(2061, 0) }, clock.now());
 */
export function datedAhead(
  status: Status,
  { createdAt, startedAt, runAt }: Times,
  now: number,
): string | undefined {
  const isAhead = (at: number): boolean => at > now + DAY_MS;
  const told = (column: string, at: number): string =>
    at < LATEST_MS
      ? `its ${column} is ${new Date(at).toISOString()}, more than a day ahead of this clock: one of the two is, or was, wrong`
      : `its ${column} is after the year 5138; it belongs in Unix seconds, and looks like milliseconds`;
  // A schedule's started_at is when its last slot was dealt with.
  if (status === 'processing' || status === 'recurring')
    return isAhead(startedAt) ? told('started_at', startedAt) : undefined;
  if (status !== 'pending' || !isAhead(runAt)) return undefined;
  if (runAt >= LATEST_MS) return told('run_at', runAt);
  if (isAhead(createdAt)) return told('created_at', createdAt);
  return isAhead(startedAt) ? told('started_at', startedAt) : undefined;
}
