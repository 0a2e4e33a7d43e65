/** No clock is wrong by more, where anybody looks at it. */
export const DAY_MS = 86_400_000;
/** The year 5138, in ms: nothing may be enqueued for later. */
const LATEST_MS = 1e14;

/** The times of a pending job, in ms; NaN for what is no time. */
interface Times {
  readonly createdAt: number;
  readonly startedAt: number;
  readonly runAt: number;
}

/**
 * Why a pending job waits for a time that nobody can have meant: a clock was wrong when it was written, or another
 * program took milliseconds for seconds.
 *
 * @param now in ms
 * @returns undefined for a job that waits as it should
 * @example
 * datedAhead({ createdAt: Date.UTC(2061, 0), startedAt: Number.NaN, runAt: Date.UTC(2061, 0) }, Date.now());
 */
export function datedAhead({ createdAt, startedAt, runAt }: Times, now: number): string | undefined {
  if (!(runAt > now + DAY_MS)) return undefined;
  if (runAt >= LATEST_MS) {
    return 'its run_at is after the year 5138; it belongs in Unix seconds, and looks like milliseconds';
  }
  const [column, at] = createdAt > now + DAY_MS ? ['created_at', createdAt] : ['started_at', startedAt];
  if (!(at > now + DAY_MS)) return undefined;
  const when = at < LATEST_MS ? new Date(at).toISOString() : 'after the year 5138';
  return `its ${column} is ${when}, more than a day ahead of this clock: one of the two is, or was, wrong`;
}
