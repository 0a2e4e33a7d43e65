import { type Duration, duration, invalid, onlyKnown } from '../../job/checks.js';

const DEFAULT_TIMEOUT = '30s';

/** Options of {@link Queue.waitForJob}. */
export interface WaitOptions {
  /** How long to wait. `Infinity` waits for as long as it takes, 0 looks once. Default: '30s'. */
  timeout?: Duration | undefined;
  /** Ends the wait: the call rejects with the signal's reason. The job goes on. Default: none. */
  signal?: AbortSignal | undefined;
}

/** Checks how to wait; the time-out in ms. @throws TsvqError `INVALID_ARGUMENT` */
export function checkWaitOptions(options: WaitOptions): { timeout: number; signal: AbortSignal | undefined } {
  onlyKnown('options', options, ['timeout', 'signal']);
  const { timeout = DEFAULT_TIMEOUT, signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid('signal', signal, 'an AbortSignal');
  return { timeout: duration('timeout', timeout), signal };
}
