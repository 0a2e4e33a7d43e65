import { isFinal } from '../../job/job.js';
import type { Change, StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import { eachJob } from '../index/rows.js';

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

/**
 * True if the job with this id is over, as far as the file was read. A job that the open part doesn't have has ended,
 * because all others are in it. One without a readable row may still run.
 */
export function isOverIn(index: JobIndex, id: string): boolean {
  const slot = index.find(id);
  return slot === undefined ? !index.isHeld(id) : isFinal(index.status(slot));
}

/** True if a job waits for jobs that are over, because power loss took the row of its release. */
export function isReleaseMissing(index: JobIndex): boolean {
  for (const job of eachJob(index, [...index.withStatus('waiting')])) {
    if (job !== undefined && releaseOf(job, 0, (id) => isOverIn(index, id)) !== undefined) return true;
  }
  return false;
}
