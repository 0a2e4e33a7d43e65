import { timeLimit } from './environment.js';

/**
 * Does the work of a job within the time limit of its handler, because a server that never answers must not hold up the
 * jobs after it. If the job has a `timeout`, that applies instead, and the worker sees to it.
 *
 * @template T
 * @param {Parameters<typeof timeLimit>[0]} name the variable that sets the limit
 * @param {string} what names the work in the error
 * @param {Pick<import('tsvq').HandlerContext, 'job' | 'signal'>} context
 * @param {(signal: AbortSignal) => Promise<T>} work must end when the signal is aborted
 */
export async function within(name, what, { job, signal }, work) {
  if (job.timeout !== undefined) return work(signal);
  const ms = timeLimit(name);
  const limit = new AbortController();
  const abort = () => limit.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const timer = setTimeout(
    () => limit.abort(new Error(`${what}: not done within ${ms / 1000} s, the limit that ${name} sets`)),
    ms,
  );
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
