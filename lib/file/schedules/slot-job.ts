import type { Transaction } from '../commit/transaction.js';
import type { NewJobFields } from '../format/columns.js';
import { scheduleKey } from '../format/key-name.js';
import { labelsOf } from '../format/meta.js';
import type { ScheduleRow } from '../format/schedule-row.js';
import type { StoredJob } from '../format/stored-job.js';
import { ACTIVE, counts } from '../joins/unique.js';

/**
 * The most earlier jobs that a job of a schedule waits for. One would do, if none that waits were ever cancelled. No
 * limit would make long rows of a long queue.
 */
const MOST_AWAITED = 20;

/** What comes of a job that a schedule is to make: it is made, or skipped because of an earlier one. */
export type Admitted =
  | {
      readonly fields: NewJobFields;
      /** The jobs to cancel, in this order: one that waits for another before that one, whose end would release it. */
      readonly cancelled: readonly StoredJob[];
    }
  | { readonly by: StoredJob };

/**
 * Returns the jobs of a schedule that are not final, the oldest first: those with its key. Jobs of a schedule that
 * allows overlap have no key.
 */
export function earlierJobs(tx: Transaction, row: StoredJob, { name, recurrence }: ScheduleRow): StoredJob[] {
  const jobs = recurrence.overlap === 'allow' ? [] : tx.withKey(row.type, scheduleKey(name));
  return jobs.filter((job) => counts(job, ACTIVE)).sort((a, b) => a.createdAt - b.createdAt);
}

/**
 * Decides what comes of a schedule's next job, by its overlap with the {@link earlierJobs}.
 *
 * @param row the schedule's row
 * @param runAt in ms @param slot in ms; undefined for a job by hand
 * @param made the jobs of the slots before that are made in the same commit
 */
export function admitSlotJob(
  row: StoredJob,
  { name, recurrence }: ScheduleRow,
  earlier: readonly StoredJob[],
  { now, runAt, slot, made = [] }: { now: number; runAt: number; slot?: number; made?: readonly string[] },
): Admitted {
  const { overlap } = recurrence;
  const newest = earlier.at(-1);
  if (overlap === 'skip' && newest !== undefined) return { by: newest };
  const { type, payload, priority, maxAttempts, timeout, meta } = row;
  const ids = [...earlier.slice(-MOST_AWAITED).map(({ id }) => id), ...made].slice(-MOST_AWAITED);
  const isWaiting = overlap === 'queue' && ids.length > 0;
  return {
    fields: {
      ...{ type, payload, priority, maxAttempts, timeout, createdAt: now, runAt },
      ...(overlap !== 'allow' && { dedupeKey: scheduleKey(name) }),
      ...(isWaiting && { status: 'waiting', after: { ids, else: 'run' } }),
      meta: { ...labelsOf(meta), '@schedule': name, ...(slot !== undefined && { '@slot': slot / 1000 }) },
    },
    cancelled: overlap === 'cancel' ? waitingFirst(earlier) : [],
  };
}

const waitingFirst = (jobs: readonly StoredJob[]): StoredJob[] => {
  const isWaiting = ({ status }: StoredJob): boolean => status === 'waiting';
  return [...jobs.filter(isWaiting).reverse(), ...jobs.filter((job) => !isWaiting(job))];
};
