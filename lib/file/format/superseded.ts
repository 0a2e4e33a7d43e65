import { STATUSES, type Status } from '../../job/job.js';
import type { Layout } from './layout.js';
import { isSchedule } from './meta.js';
import type { Row } from './row.js';
import { StoredJob } from './stored-job.js';

/*
 * A strike takes the first byte of the id and the letters of the status. Both can be told from the other rows of the
 * job, so that the rows that are still in the file say what happened to it.
 */

/**
 * Returns a job's rows as they were before they were struck, by version. A status that could be several words is the
 * one that the rows after it allow.
 *
 * @param rows the fields of all its rows, struck or not
 */
export function restoreRows(id: string, rows: readonly Row[], layout: Layout): StoredJob[] {
  const { at } = layout;
  const restored = rows
    .map((row) => new StoredJob([id, ...row.slice(1)], layout))
    .sort((a, b) => a.version - b.version);
  let next: StoredJob | undefined;
  for (let i = restored.length - 1; i >= 0; i--) {
    const job = restored[i] as StoredJob;
    job.row[at.status] = statusOf(job, next);
    next = job;
  }
  // Of two rows with one version, the earlier one counts.
  return restored.filter((job, i) => i === 0 || job.version !== restored[i - 1]?.version);
}

/** Returns the statuses that a status with dashes for some or all of its letters may have been. */
export const statusesLike = (word: string): Status[] =>
  STATUSES.filter(
    (status) => status.length === word.length && [...word].every((c, i) => c === '-' || c === status[i]),
  );

/** Tells the status of a row that may be struck, by its letters that are left, its length and the row after it. */
function statusOf(job: StoredJob, next: StoredJob | undefined): Status {
  const like = statusesLike(job.status);
  const [only] = like;
  if (like.length === 1 && only !== undefined) return only;
  // No row supersedes a completed one.
  if (like.includes('cancelled')) return isSchedule(job.meta) ? 'recurring' : 'cancelled';
  const isWaiting = job.after !== undefined && job.attempts === 0 && next?.status !== 'processing';
  return isWaiting ? 'waiting' : 'pending';
}
