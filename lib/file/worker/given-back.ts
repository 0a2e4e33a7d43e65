import type { Death } from '../../runner/ending.js';
import { errorText } from '../../runner/error-text.js';
import { deathText, LONE_META } from '../chores/rescue.js';
import type { OwnMeta } from '../format/meta.js';
import type { ClaimedJob } from './claimed-job.js';
import { attemptsOf, type FailureRules, forget, type Verdict } from './verdict.js';

/**
 * Gives a job back as it was. An attempt that had begun is noted as interrupted. Otherwise a job that takes
 * longer than its workers stay would begin without end.
 */
export function release(attempt: ClaimedJob, now: number, rules: FailureRules): Verdict {
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

/** Lets a job sleep. The error of an earlier attempt no longer counts, because the job has got further. */
export const sleep = (attempt: ClaimedJob, runAt: number): Verdict => ({
  event: 'slept',
  runAt,
  change: {
    status: 'pending',
    runAt,
    forgiven: attempt.claim.forgiven + 1,
    error: '',
    lockedBy: '',
    ...forget(attempt),
  },
});

/** Treats the job like a dead worker's job. The attempt is forgiven, and the job is claimed alone next. */
export function die(
  attempt: ClaimedJob,
  { error, others }: Death,
  now: number,
  rules: FailureRules,
): Verdict {
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
