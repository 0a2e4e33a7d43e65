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

/** A job that a schedule is to make. */
export interface SlotOf {
  /** In ms. */
  readonly runAt: number;
  /** In ms; undefined for a job by hand. */
  readonly slot?: number;
  /** See {@link earlierJobs}. They are read once for all slots of a commit, because there may be many. */
  readonly earlier: readonly StoredJob[];
  /** The jobs of the slots before that are made in the same commit. */
  readonly made?: readonly string[];
}

/**
 * Returns the jobs of a schedule that are not over, the oldest first. They have its key; jobs of a schedule that allows
 * overlap have none.
 */
export function earlierJobs(
  tx: Transaction,
  { type }: StoredJob,
  { name, recurrence }: ScheduleRow,
): readonly StoredJob[] {
  if (recurrence.overlap === 'allow') return [];
  const jobs = tx.withKey(type, scheduleKey(name)).filter((job) => counts(job, ACTIVE));
  return jobs.sort((a, b) => a.createdAt - b.createdAt);
}

/**
 * Decides what comes of a schedule's next job, by its overlap.
 *
 * @param now in ms @param row the schedule's row
 */
export function admitSlotJob(
  now: number,
  row: StoredJob,
  { name, recurrence }: ScheduleRow,
  { runAt, slot, earlier, made = [] }: SlotOf,
): Admitted {
  const { overlap } = recurrence;
  const newest = earlier.at(-1);
  if (overlap === 'skip' && newest !== undefined) return { by: newest };
  const { type, payload, priority, maxAttempts, timeout, group, meta } = row;
  const ids = [...earlier.map(({ id }) => id), ...made].slice(-MOST_AWAITED);
  const isWaiting = overlap === 'queue' && ids.length > 0;
  return {
    fields: {
      ...{ type, payload, priority, maxAttempts, timeout, createdAt: now, runAt },
      ...(group !== '' && { group }),
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
