import type { Transaction } from '../commit/transaction.js';
import type { NewJobFields } from '../format/columns.js';
import { scheduleKey } from '../format/key-name.js';
import { labelsOf } from '../format/meta.js';
import type { ScheduleRow } from '../format/schedule-row.js';
import type { StoredJob } from '../format/stored-job.js';
import { ACTIVE, counts, newestOf } from '../joins/unique.js';

/** What comes of a job that a schedule is to make: it is made, or skipped because of an earlier one. */
export type Admitted =
  | { readonly fields: NewJobFields; readonly cancelled: readonly StoredJob[] }
  | { readonly by: StoredJob };

/**
 * Decides what comes of a schedule's next job, by its overlap. Earlier jobs of the schedule are those with its key that
 * are not final; jobs of a schedule that allows overlap have no key.
 *
 * @param row the schedule's row
 * @param runAt in ms @param slot in ms; undefined for a job by hand
 * @param before the job of the slot before, if it was made in the same commit
 */
export function admitSlotJob(
  tx: Transaction,
  row: StoredJob,
  { name, recurrence }: ScheduleRow,
  { runAt, slot, before }: { runAt: number; slot?: number; before?: string | undefined },
): Admitted {
  const { overlap } = recurrence;
  const earlier = overlap === 'allow' ? [] : tx.withKey(row.type, scheduleKey(name));
  const holders = earlier.filter((job) => counts(job, ACTIVE));
  const newest = newestOf(holders);
  if (overlap === 'skip' && newest !== undefined) return { by: newest };
  const previous = before ?? newest?.id;
  const { type, payload, priority, maxAttempts, timeout, meta } = row;
  const isWaiting = overlap === 'queue' && previous !== undefined;
  return {
    fields: {
      ...{ type, payload, priority, maxAttempts, timeout, createdAt: tx.now, runAt },
      ...(overlap !== 'allow' && { dedupeKey: scheduleKey(name) }),
      ...(isWaiting && { status: 'waiting', after: { ids: [previous], else: 'run' } }),
      meta: { ...labelsOf(meta), '@schedule': name, ...(slot !== undefined && { '@slot': slot / 1000 }) },
    },
    cancelled: overlap === 'cancel' ? holders : [],
  };
}
