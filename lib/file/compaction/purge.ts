import { isFinal, type Status } from '../../job/job.js';

/** A request to take jobs out of the file for good. */
export interface Purge {
  readonly statuses: readonly Status[];
  /** Undefined for jobs of all types. */
  readonly type: string | undefined;
  /** Undefined for jobs with any id. */
  readonly ids: ReadonlySet<string> | undefined;
  /** The least time since a job ended, or was added if it waits, in ms. */
  readonly olderThan: number;
}

/** A job, as far as a purge looks at it; times in ms. */
interface Aged {
  /** Needed only if the purge names ids. */
  readonly id: string;
  readonly status: Status;
  readonly type: string;
  readonly createdAt: number;
  /** NaN if unreadable. */
  readonly finishedAt: number;
}

/**
 * How long a finished job stays at least before it is dropped, in ms. A process that was suspended right after it
 * appended a job looks for it in the file and the archive. If the job has run and is in neither, it is added again.
 */
const LEAST_AGE_MS = 60_000;

/** True if a finished job may leave the file without going to the archive. */
export const mayBeDropped = (finishedAt: number, now: number): boolean => finishedAt <= now - LEAST_AGE_MS;

/** True if a purge may leave jobs only because they have just finished. With a longer `olderThan`, that decides. */
export const canLeaveYoung = ({ olderThan }: Purge): boolean => olderThan < LEAST_AGE_MS;

/**
 * True if a purge leaves a finished job only because it finished less than a minute ago. A job whose time is far ahead,
 * or unreadable, doesn't count, because it won't be old enough soon.
 */
export const isTooYoung = (purge: Purge, finishedAt: number, now: number): boolean =>
  canLeaveYoung(purge) && Math.abs(now - finishedAt) < LEAST_AGE_MS;

/** True if a purge takes this job out of the file. */
export function isPurged(purge: Purge, job: Aged, now: number): boolean {
  const { statuses, type, ids, olderThan } = purge;
  if (!statuses.includes(job.status) || (type !== undefined && type !== job.type)) return false;
  if (ids?.has(job.id) === false) return false;
  if (isFinal(job.status)) return mayBeDropped(job.finishedAt, now) && job.finishedAt <= now - olderThan;
  // The clock may have been set back since the job was added.
  return olderThan === 0 || job.createdAt <= now - olderThan;
}
