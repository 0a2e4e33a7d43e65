import type { Clock } from '../../job/clock.js';
import type { ResolvedWorkerOptions } from '../../job/options.js';

/** How long after its start a worker without claims waits for a job's rate. Then cron starts the next worker. */
export const RATE_WAIT_MS = 60_000;

/**
 * Ends a worker's time as its options say: `leave` is called when the linger time is over, `stop` at `maxTime` and at
 * the abort of `signal`.
 *
 * @returns a function that cancels these calls
 */
export function limitLifetime(
  { signal, maxTime, linger }: ResolvedWorkerOptions,
  clock: Clock,
  { stop, leave }: { stop: () => void; leave: () => void },
): () => void {
  const cancels: (() => void)[] = [];
  if (maxTime < Number.POSITIVE_INFINITY) cancels.push(clock.later(maxTime, stop));
  // A timer, not a comparison with the clock, which may be set back. It keeps the process alive.
  if (linger > 0 && linger < Number.POSITIVE_INFINITY) cancels.push(clock.later(linger, leave, true));
  signal?.addEventListener('abort', stop, { once: true });
  cancels.push(() => signal?.removeEventListener('abort', stop));
  if (signal?.aborted) stop();
  return () => {
    for (const cancel of cancels) cancel();
  };
}
