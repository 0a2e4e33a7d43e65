import { isFinal } from '../../job/job.js';
import type { Change, StoredJob } from '../format/stored-job.js';

/**
 * Returns the change that lets a waiting job start, now that one of those that it waits for has ended; undefined if it
 * waits on. A job that is to be cancelled after a failure is left to a version that knows how.
 *
 * @param isOver true if the job with this id is final, or not in the file any more
 */
export function releaseOf(job: StoredJob, now: number, isOver: (id: string) => boolean): Change | undefined {
  const { status, after, runAt } = job;
  if (status !== 'waiting' || after?.else !== 'run' || !after.ids.every(isOver)) return undefined;
  return { status: 'pending', runAt: Math.max(runAt, now) };
}

/** True if the job is final. A job that the open part doesn't have has ended, because all others are in it. */
export const isOver = (job: StoredJob | undefined): boolean => job === undefined || isFinal(job.status);
