import type { Job } from './job.js';

/*
 * What happened to a job follows from its row and the row that supersedes it, so the file is the log of all
 * processes. The table of states is in job.ts.
 */

/**
 * What happened to a job.
 *
 * - `added`: it is new.
 * - `ready`: a job that it waited for has ended, and it is pending.
 * - `started`: a worker claimed it, and starts it at once or after jobs claimed before.
 * - `completed`, `failed`: its last attempt ended that way.
 * - `retrying`: an attempt failed, asked to wait or lost its worker; another one follows.
 * - `slept`: its handler called `sleep` or `sleepUntil`, and a new attempt goes on later.
 * - `released`: its worker gave it back, at shutdown or because another job delayed it.
 * - `cancelled`, `retried`, `promoted`, `dismissed`: an operator did that.
 * - `changed`: a job that waits has another payload, start or options, because a duplicate replaced it.
 */
export type JobEventName =
  | 'added'
  | 'ready'
  | 'started'
  | 'completed'
  | 'failed'
  | 'retrying'
  | 'slept'
  | 'released'
  | 'cancelled'
  | 'retried'
  | 'promoted'
  | 'dismissed'
  | 'changed';

/** What a row says of a job. Version 1 is that of its first row. */
export type JobState = Pick<
  Job,
  | 'status'
  | 'payload'
  | 'createdAt'
  | 'runAt'
  | 'startedAt'
  | 'finishedAt'
  | 'attempts'
  | 'forgiven'
  | 'priority'
  | 'error'
  | 'after'
  | 'dismissed'
> & { readonly version: number };

/** What happened to a job, and when. */
export interface JobEvent {
  readonly event: JobEventName;
  /** When it happened; undefined if rows don't say that. */
  readonly at: Date | undefined;
}

/**
 * Returns what happened between two rows of a job; undefined for a schedule.
 *
 * @param before the row that `after` supersedes; undefined if there is none, or it is no longer in the file
 * @example
 * eventOf(undefined, added); // { event: 'added', at: added.createdAt }
 */
export function eventOf(before: JobState | undefined, after: JobState): JobEvent | undefined {
  if (after.status === 'recurring' || before?.status === 'recurring') return undefined;
  const event = nameOf(before, after);
  return { event, at: timeOf(event, after) };
}

function nameOf(before: JobState | undefined, after: JobState): JobEventName {
  switch (after.status) {
    case 'processing':
      return 'started';
    case 'failed':
      if (before?.status !== 'failed')
        return before === undefined && after.dismissed ? 'dismissed' : 'failed';
      return after.dismissed && !before.dismissed ? 'dismissed' : 'changed';
    case 'completed':
    case 'cancelled':
      return before?.status === after.status ? 'changed' : after.status;
    default:
      if (before === undefined) return after.version <= 1 ? 'added' : guessed(after);
      return after.status === 'waiting' ? 'changed' : pendingAfter(before, after);
  }
}

/** Says why a job is pending, by the row before. */
function pendingAfter(before: JobState, after: JobState): JobEventName {
  switch (before.status) {
    case 'waiting':
      return 'ready';
    case 'processing':
      // A job that is given back keeps both.
      if (after.error === undefined && after.forgiven > before.forgiven && after.runAt > before.runAt)
        return 'slept';
      return isSameTime(before.runAt, after.runAt) && before.error === after.error ? 'released' : 'retrying';
    case 'pending':
      return after.runAt < before.runAt && isSameWork(before, after) ? 'promoted' : 'changed';
    default:
      return 'retried';
  }
}

/** Says why a job is pending, if the row before is not known. */
function guessed({ attempts, forgiven, error, after, runAt, startedAt }: JobState): JobEventName {
  if (attempts === 0) return after.length > 0 ? 'ready' : 'changed';
  // A retry by an operator forgives all attempts.
  if (attempts === forgiven) return 'retried';
  if (error !== undefined) return 'retrying';
  return startedAt !== undefined && runAt > startedAt ? 'slept' : 'released';
}

const isSameTime = (a: Date, b: Date): boolean => a.getTime() === b.getTime();

const isSameWork = (a: JobState, b: JobState): boolean =>
  a.priority === b.priority && JSON.stringify(a.payload) === JSON.stringify(b.payload);

function timeOf(
  event: JobEventName,
  { createdAt, startedAt, runAt, finishedAt }: JobState,
): Date | undefined {
  switch (event) {
    case 'added':
      return createdAt;
    case 'started':
      return startedAt;
    case 'completed':
    case 'failed':
    case 'cancelled':
      return finishedAt;
    // Both make the job due at once.
    case 'retried':
    case 'promoted':
      return runAt;
    default:
      return undefined;
  }
}
