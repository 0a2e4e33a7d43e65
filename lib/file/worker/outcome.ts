import { type Backoff, clamp } from '../../job/backoff.js';
import { duration } from '../../job/checks.js';
import { isInstance, PermanentError, RetryAfterError } from '../../job/errors.js';
import type { Death, Ending } from '../../runner/ending.js';
import { errorText } from '../../runner/error-text.js';
import { deathText, LONE_META } from '../chores/rescue.js';
import { encodeFollowUps, type FollowUp, followUpRows } from '../format/follow-ups.js';
import { toJson } from '../format/json.js';
import { NO_OWN_META, type OwnMeta } from '../format/meta.js';
import type { Change, StoredJob } from '../format/stored-job.js';
import type { ClaimedJob } from './claimed-job.js';

/** The least spread of requested waits, because a receiver refuses jobs again that all come back at once. */
const LEAST_SPREAD_MS = 1000;

/** A note for a person that the job may not be the cause. */
const UNCAUGHT = 'nothing caught this, and it ended the process; it may come from another job that had ended';

/** A job's next state after an attempt, and the name of the ending in the log. */
export interface Verdict {
  readonly event: 'completed' | 'retried' | 'failed' | 'released';
  readonly change: Change;
  readonly error?: string;
  readonly runAt?: number;
  /** A warning that the result was not kept, the backoff failed, or the handler goes on. */
  readonly warning?: string;
}

/** A worker's options for failures. */
export interface FailureRules {
  readonly maxAttempts: number;
  /** The longest time that waits are forgiven, in ms. */
  readonly maxRetryAfter: number;
  readonly maxInterruptions: number;
  readonly backoff: Backoff;
  /** The most bytes of a JSON result. */
  readonly maxResult: number;
}

/**
 * Returns the job's next state after an attempt; see the table in job.ts. Never called under the lock,
 * because the backoff may be a user's function.
 */
export function judge(
  attempt: ClaimedJob,
  ending: Ending,
  now: number,
  rules: FailureRules,
  random: () => number = Math.random,
): Verdict {
  if (ending.how === 'released') return release(attempt, now, rules);
  if (ending.how === 'died') return die(attempt, ending, now, rules);
  if (ending.how === 'returned') return complete(attempt, ending.value, now, rules);
  const verdict = fail(attempt, ending, now, rules, random);
  if (!ending.goesOn) return verdict;
  const goesOn =
    `the handler of job ${attempt.id} (${attempt.type}) ignores its signal and goes on; ` +
    'this process does not try the job again before the handler has ended';
  return { ...verdict, warning: verdict.warning === undefined ? goesOn : `${verdict.warning}; ${goesOn}` };
}

/**
 * Returns a verdict's rows: the job's own, then its follow-ups'. @param claim the job's current row
 * @param followUps the attempt's follow-ups that are not duplicates
 */
export function verdictRows(
  attempt: ClaimedJob,
  verdict: Verdict,
  claim: StoredJob,
  followUps: readonly FollowUp[] = attempt.followUps,
): StoredJob[] {
  if (verdict.event !== 'completed' || followUps.length === 0) return [claim.next(verdict.change)];
  const own = claim.next({ ...verdict.change, followUps: encodeFollowUps(followUps) });
  return [own, ...followUpRows(attempt.id, attempt.attempts, followUps, claim.layout)];
}

function complete(attempt: ClaimedJob, value: unknown, now: number, { maxResult }: FailureRules): Verdict {
  let result = '';
  let warning: string | undefined;
  // A job that succeeded must not run again because of its result.
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
      followUps: '',
      ...forget(attempt),
    },
    ...(warning === undefined
      ? {}
      : { warning: `job ${attempt.id} (${attempt.type}) completed, but ${warning}` }),
  };
}

function fail(
  attempt: ClaimedJob,
  { error, isUncaught }: Ending & { how: 'threw' },
  now: number,
  rules: FailureRules,
  random: () => number,
): Verdict {
  const { used, limit } = attemptsOf(attempt, rules);
  const asked = isUncaught ? undefined : askedToWait(attempt, error, now, rules);
  const isPermanent = !isUncaught && isInstance(PermanentError, error);
  const said = errorText(error, isUncaught ? [UNCAUGHT] : []);
  const text = asked === undefined ? said : `${said}\n${asked.note}`;
  const rest = { error: text, lockedBy: '', ...(asked?.change ?? forget(attempt)) };
  if (asked?.isFree !== true && (isPermanent || used >= limit)) {
    return { event: 'failed', error: text, change: { status: 'failed', finishedAt: now, ...rest } };
  }
  let wait: number;
  let warning: string | undefined;
  try {
    if (asked !== undefined) wait = asked.wait + random() * Math.max(asked.wait / 10, LEAST_SPREAD_MS);
    else if (!isUncaught && isInstance(RetryAfterError, error)) wait = delayOf(error);
    else wait = rules.backoff(used, error, attempt.job);
  } catch (cause) {
    // The backoff is the user's function. Its mistake must not lose the job or the worker.
    wait = clamp(60_000 * 2 ** used);
    warning = `backoff failed for job ${attempt.id} (${attempt.type}), the default was used: ${errorText(cause)}`;
  }
  const runAt = now + wait;
  return {
    event: 'retried',
    error: text,
    runAt,
    change: { status: 'pending', runAt, ...rest },
    ...(warning === undefined ? {} : { warning }),
  };
}

/** Returns how many attempts are forgiven, how many count, and the limit. */
function attemptsOf({ attempts, claim }: ClaimedJob, { maxAttempts }: FailureRules) {
  const { forgiven } = claim;
  return { forgiven, used: attempts - forgiven, limit: claim.maxAttempts ?? maxAttempts };
}

/** Returns the change that removes the queue's notes from `meta`, if there are any. */
const forget = ({ claim }: ClaimedJob): Pick<Change, 'meta'> =>
  claim.row[claim.layout.at.meta] ? { meta: NO_OWN_META } : {};

/** A wait that a handler has asked for. */
interface Asked {
  /** How long, in ms; never 0. */
  readonly wait: number;
  /** True if the attempt is forgiven. */
  readonly isFree: boolean;
  /** A line in the job's error. */
  readonly note: string;
  readonly change: Pick<Change, 'meta' | 'forgiven'>;
}

/**
 * Returns the wait that an error asks for. A wait that has passed, or isn't a time, doesn't count, because
 * it has no bound, so a job could loop without end.
 */
function askedToWait(
  attempt: ClaimedJob,
  error: unknown,
  now: number,
  rules: FailureRules,
): Asked | undefined {
  let wait = 0;
  try {
    if (!isInstance(PermanentError, error) && isInstance(RetryAfterError, error)) wait = delayOf(error);
  } catch {
    // The delay isn't a time. The caller decides.
  }
  if (wait === 0) return undefined;
  const { claim } = attempt;
  // The clock may have been set back.
  const since = Math.min((claim.meta['@askedToWaitSince'] ?? Number.POSITIVE_INFINITY) * 1000, now);
  const meta: OwnMeta = { ...NO_OWN_META, '@askedToWaitSince': Math.round(since) / 1000 };
  // Without the note, the waits would never reach their bound.
  const isFree = now + wait - since <= rules.maxRetryAfter && claim.canNote(meta);
  const { forgiven } = attemptsOf(attempt, rules);
  return {
    wait,
    isFree,
    note: `asked to wait ${wait / 1000} s: ${isFree ? 'not counted as an attempt' : `counted as an attempt (waits in a row count beyond ${rules.maxRetryAfter / 1000} s, the maxRetryAfter of the worker)`}`,
    change: isFree ? { meta, forgiven: forgiven + 1 } : { meta },
  };
}

/** Returns an error's delay in ms; 0 for a past moment. @throws TsvqError if the delay isn't a time */
function delayOf({ delay }: RetryAfterError): number {
  return clamp(
    duration('the delay of a RetryAfterError', typeof delay === 'number' ? Math.max(delay, 0) : delay),
  );
}

/**
 * Gives a job back as it was. An attempt that had begun is noted as interrupted. Otherwise a job that takes
 * longer than its workers stay would begin without end.
 */
function release(attempt: ClaimedJob, now: number, rules: FailureRules): Verdict {
  const { forgiven, used, limit } = attemptsOf(attempt, rules);
  // run_at stays, because it has passed and keeps the job's place in the order of start.
  const back = { status: 'pending', lockedBy: '' } as const;
  const isInterrupted = attempt.startedAt !== undefined && attempt.stopped !== 'cancelled';
  if (!isInterrupted) return { event: 'released', change: { ...back, forgiven: forgiven + 1 } };
  const { claim } = attempt;
  const interruptions = (claim.meta['@interruptions'] ?? 0) + 1;
  const meta: OwnMeta = { '@interruptions': interruptions };
  const isFree = interruptions <= rules.maxInterruptions && claim.canNote(meta);
  if (isFree) return { event: 'released', change: { ...back, forgiven: forgiven + 1, meta } };
  if (used < limit) return { event: 'released', change: { ...back, meta } };
  const times = interruptions === 1 ? 'once' : `${interruptions} times in a row`;
  const error =
    `interrupted ${times}, the last time at the shutdown of worker ${claim.lockedBy}; ` +
    'it takes longer than its workers may stay, so give them more time, or the job less to do, then retry it';
  return {
    event: 'failed',
    error,
    change: { status: 'failed', error, lockedBy: '', finishedAt: now, meta },
  };
}

/** Treats the job like a dead worker's job. The attempt is forgiven, and the job is claimed alone next. */
function die(attempt: ClaimedJob, { error, others }: Death, now: number, rules: FailureRules): Verdict {
  const { forgiven, used, limit } = attemptsOf(attempt, rules);
  // Without the note, the job would be forgiven again and again.
  const isForgiven = attempt.claim.canNote(LONE_META);
  const isOver = !isForgiven && used >= limit;
  const text = `${deathText(attempt.attempts, others)}; it ended by ${errorText(error)}`;
  return {
    event: isOver ? 'failed' : 'released',
    error: text,
    change: {
      status: isOver ? 'failed' : 'pending',
      lockedBy: '',
      forgiven: forgiven + (isForgiven ? 1 : 0),
      error: text,
      meta: LONE_META,
      ...(isOver && { finishedAt: now }),
    },
  };
}
