import { clamp } from '../../job/backoff.js';
import { isInstance, PermanentError, RetryAfterError } from '../../job/errors.js';
import { isRetried } from '../../job/policy.js';
import { decides, type Ending } from '../../runner/ending.js';
import { errorText } from '../../runner/error-text.js';
import { failureJobOf } from '../chores/failure-job.js';
import { encodeFollowUps, type FollowUp, followUpRows } from '../format/follow-ups.js';
import { toJson } from '../format/json.js';
import type { StoredJob } from '../format/stored-job.js';
import { type Asked, askedToWait, delayOf, spreadWait } from './asked-to-wait.js';
import type { ClaimedJob } from './claimed-job.js';
import { die, release, sleep } from './given-back.js';
import { attemptsOf, type FailureRules, forget, type Verdict } from './verdict.js';

export type { FailureRules };

/** A note for a person that the job may not be the cause. */
const UNCAUGHT = 'nothing caught this, and it ended the process; it may come from another job that had ended';

/** A note for a person who sees attempts left. */
const REFUSED = "not tried again: the retryIf of the job's type said so";

type Threw = Ending & { how: 'threw' };

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
  const found = verdictOn(attempt, ending, now, rules, random);
  const verdict = 'error' in ending ? { thrown: ending.error, ...found } : found;
  const { event, error = '' } = verdict;
  if (event !== 'failed') return verdict;
  const { failureJob } = rules.types.policyOf(attempt.type);
  const followUps = failureJobOf(attempt.claim, failureJob, { error, now, rules: rules.newJob });
  return { thrown: new Error(error), ...verdict, followUps };
}

function verdictOn(
  attempt: ClaimedJob,
  ending: Ending,
  now: number,
  rules: FailureRules,
  random: () => number,
): Verdict {
  if (ending.how === 'released') return release(attempt, now, rules);
  if (ending.how === 'slept') return sleep(attempt, ending.until);
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
 * @param followUps those of the verdict that are not duplicates
 */
export function verdictRows(
  attempt: ClaimedJob,
  verdict: Verdict,
  claim: StoredJob,
  followUps: readonly FollowUp[] = verdict.followUps ?? [],
): StoredJob[] {
  if (followUps.length === 0) return [claim.next(verdict.change)];
  const own = claim.next({ ...verdict.change, followUps: encodeFollowUps(followUps) });
  return [own, ...followUpRows(attempt.id, attempt.attempts, followUps, claim.layout)];
}

function complete(attempt: ClaimedJob, value: unknown, now: number, { newJob }: FailureRules): Verdict {
  let result = '';
  let warning: string | undefined;
  // A job that succeeded must not run again because of its result.
  try {
    if (value !== undefined) result = toJson(value, 'result');
    const bytes = Buffer.byteLength(result);
    const { maxPayload } = newJob;
    if (bytes > maxPayload) warning = `result is ${bytes} bytes as JSON; the limit is ${maxPayload}`;
  } catch (error) {
    warning = (error as Error).message;
  }
  if (warning !== undefined) result = JSON.stringify({ warning: `the result was not kept: ${warning}` });
  return {
    event: 'completed',
    followUps: attempt.followUps,
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
  ending: Threw,
  now: number,
  rules: FailureRules,
  random: () => number,
): Verdict {
  const { error, isUncaught } = ending;
  const { used, limit } = attemptsOf(attempt, rules);
  const asked = isUncaught ? undefined : askedToWait(attempt, error, now, rules.maxRetryAfter);
  const isPermanent = !isUncaught && isInstance(PermanentError, error);
  const isLast = asked?.isFree !== true && (isPermanent || used >= limit);
  const refused = isLast ? NOT_ASKED : askRetryIf(attempt, ending, rules);
  const notes = [...(isUncaught ? [UNCAUGHT] : []), ...(refused.isFinal ? [REFUSED] : [])];
  const said = errorText(error, notes);
  const text = asked === undefined ? said : `${said}\n${asked.note}`;
  const rest = { error: text, lockedBy: '', ...(asked?.change ?? forget(attempt)) };
  if (isLast || refused.isFinal) {
    return { event: 'failed', error: text, change: { status: 'failed', finishedAt: now, ...rest } };
  }
  const { wait, warning } = waitOf(attempt, ending, asked, { rules, random });
  const warnings = [refused.warning, warning].filter((one) => one !== undefined);
  const runAt = now + wait;
  return {
    event: 'retried',
    error: text,
    runAt,
    change: { status: 'pending', runAt, ...rest },
    ...(warnings.length === 0 ? {} : { warning: warnings.join('; ') }),
  };
}

/** The answer of a type's `retryIf`. A mistake of the function is a warning, and the job is tried again. */
interface Refusal {
  readonly isFinal: boolean;
  readonly warning?: string;
}

const NOT_ASKED: Refusal = { isFinal: false };

function askRetryIf(attempt: ClaimedJob, { error, isUncaught }: Threw, { types }: FailureRules): Refusal {
  const { retryIf } = types.policyOf(attempt.type);
  if (retryIf === undefined || isUncaught || decides(error)) return NOT_ASKED;
  try {
    return { isFinal: !isRetried(retryIf, error, attempt.job) };
  } catch (cause) {
    const what = `retryIf failed for job ${attempt.id} (${attempt.type}), the job is tried again`;
    return { isFinal: false, warning: `${what}: ${errorText(cause)}` };
  }
}

/** Returns how long a job waits for its next attempt, in ms. */
function waitOf(
  attempt: ClaimedJob,
  { error, isUncaught }: Threw,
  asked: Asked | undefined,
  { rules, random }: { rules: FailureRules; random: () => number },
): { wait: number; warning?: string } {
  if (asked !== undefined) return { wait: spreadWait(asked, random) };
  const { used } = attemptsOf(attempt, rules);
  try {
    if (!isUncaught && isInstance(RetryAfterError, error)) return { wait: delayOf(error) };
    return { wait: rules.types.policyOf(attempt.type).backoff(used, error, attempt.job) };
  } catch (cause) {
    // The backoff is the user's function. Its mistake must not lose the job or the worker.
    const what = `backoff failed for job ${attempt.id} (${attempt.type}), the default was used`;
    return { wait: clamp(60_000 * 2 ** used), warning: `${what}: ${errorText(cause)}` };
  }
}
