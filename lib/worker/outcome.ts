import { duration } from '../checks.js';
import { isInstance, PermanentError, RetryAfterError } from '../errors.js';
import { encodeFollowUps, followUpRows } from '../store/follow-ups.js';
import { type Draft, draft } from '../store/view.js';
import type { Layout } from '../tsv/columns.js';
import { toJson } from '../tsv/json.js';
import { type Change, nextRow, number, type Row } from '../tsv/row.js';
import type { Attempt } from './attempt.js';
import { type Backoff, clamp } from './backoff.js';
import { errorText } from './error-text.js';

/** How an attempt ended. */
export type Ending =
  | { how: 'returned'; value: unknown }
  /** `goesOn` if it was recorded without waiting for its handler. */
  | { how: 'threw'; error: unknown; goesOn?: true }
  /** Given back at shutdown. */
  | { how: 'released' };

/** What becomes of a job after an attempt, and how the log calls it. */
export interface Verdict {
  readonly event: 'completed' | 'retried' | 'failed' | 'released';
  readonly change: Change;
  readonly error?: string;
  readonly runAt?: number;
  /** For a person: the result could not be kept, the backoff function failed, the handler goes on. */
  readonly warning?: string;
}

/** What a worker's options say about failures. */
export interface FailureRules {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  /** Most bytes of a result as JSON. */
  readonly maxResult: number;
}

/**
 * From an attempt's ending to the job's next state; see the table in job.ts. Not under the lock: the backoff may be
 * a function of the user's.
 */
export function judge(attempt: Attempt, ending: Ending, now: number, rules: FailureRules): Verdict {
  if (ending.how === 'released') return release(attempt);
  if (ending.how === 'returned') return complete(attempt, ending.value, now, rules);
  const verdict = fail(attempt, ending.error, now, rules);
  if (!ending.goesOn) return verdict;
  const goesOn =
    `the handler of job ${attempt.id} (${attempt.type}) ignores its signal and goes on; ` +
    'this process does not try the job again before it has ended';
  return { ...verdict, warning: verdict.warning === undefined ? goesOn : `${verdict.warning}; ${goesOn}` };
}

/** The rows of a verdict: the job's own, then its follow-ups'. @param claim the job's row, as it is now */
export function verdictRows(attempt: Attempt, verdict: Verdict, claim: Row, layout: Layout): Draft[] {
  const own = draft(attempt.id, nextRow(claim, verdict.change, layout), attempt);
  if (verdict.event !== 'completed' || attempt.followUps.length === 0) return [own];
  const rows = followUpRows(attempt.id, attempt.attempts, attempt.followUps, layout);
  return [own, ...rows.map((row) => draft(row[layout.at.id] as string, row))];
}

function complete(attempt: Attempt, value: unknown, now: number, { maxResult }: FailureRules): Verdict {
  let result = '';
  let warning: string | undefined;
  // A job that succeeded is never run again because of what it returned.
  try {
    if (value !== undefined) result = toJson(value, 'result');
    const bytes = Buffer.byteLength(result);
    if (bytes > maxResult) warning = `result is ${bytes} bytes as JSON; the limit is ${maxResult}`;
  } catch (error) {
    warning = (error as Error).message;
  }
  if (warning !== undefined) result = JSON.stringify({ warning: `the result was not kept: ${warning}` });
  return {
    event: 'completed',
    change: {
      status: 'completed',
      error: '',
      result,
      lockedBy: '',
      finishedAt: now,
      followUps: encodeFollowUps(attempt.followUps),
    },
    ...(warning === undefined
      ? {}
      : { warning: `job ${attempt.id} (${attempt.type}) completed, but ${warning}` }),
  };
}

function fail(attempt: Attempt, error: unknown, now: number, rules: FailureRules): Verdict {
  const { at } = attempt.layout;
  const text = errorText(error);
  const used = attempt.attempts - number(attempt.row[at.forgiven], 0);
  const limit = number(attempt.row[at.max_attempts], rules.maxAttempts);
  if (isInstance(PermanentError, error) || used >= limit) {
    return {
      event: 'failed',
      error: text,
      change: { status: 'failed', error: text, lockedBy: '', finishedAt: now },
    };
  }
  let wait: number;
  let warning: string | undefined;
  try {
    wait = isInstance(RetryAfterError, error) ? askedFor(error) : rules.backoff(used, error, attempt.job);
  } catch (cause) {
    // The function is the user's; a mistake in it must not lose the job or the worker.
    wait = clamp(60_000 * 2 ** used);
    warning = `backoff failed for job ${attempt.id} (${attempt.type}), the default was used: ${errorText(cause)}`;
  }
  const runAt = now + wait;
  return {
    event: 'retried',
    error: text,
    runAt,
    change: { status: 'pending', error: text, lockedBy: '', runAt },
    ...(warning === undefined ? {} : { warning }),
  };
}

/** A moment that has passed is now; what is no time is a slip, and no wait at all would use up the attempts. */
function askedFor({ delay }: RetryAfterError): number {
  return clamp(
    duration('the delay of a RetryAfterError', typeof delay === 'number' ? Math.max(delay, 0) : delay),
  );
}

/** Whether a handler says by its error what is to become of the job. */
export const decides = (error: unknown): boolean =>
  isInstance(PermanentError, error) || isInstance(RetryAfterError, error);

function release(attempt: Attempt): Verdict {
  const forgiven = number(attempt.row[attempt.layout.at.forgiven], 0) + 1;
  // run_at stays: it has passed, and keeps the job's place in the order.
  return { event: 'released', change: { status: 'pending', lockedBy: '', forgiven } };
}
