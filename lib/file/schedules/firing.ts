import { type DueSlots, dueSlots, slotsOf } from '../../schedule/slots.js';
import type { Transaction } from '../commit/transaction.js';
import { sealedOrArchived } from '../compaction/recover.js';
import { slotId } from '../format/derived-id.js';
import { decodeFollowUps, encodeFollowUps, followUpRows, type SlotJob } from '../format/follow-ups.js';
import { NEVER, readSchedule, type ScheduleRow, type SlotResult } from '../format/schedule-row.js';
import { StoredJob } from '../format/stored-job.js';
import type { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';
import { admitSlotJob, earlierJobs } from './slot-job.js';

/** The most bytes of payloads that one firing carries. A commit of several stops when they have so many together. */
export const MOST_BYTES = 8 * 1024 * 1024;
/** The most slots that one firing makes up for. */
const MOST_SLOTS = 100;

/** The plan for a schedule that is due, made without the lock, because it takes croner, and perhaps the archive. */
export interface Firing {
  readonly row: StoredJob;
  readonly schedule: ScheduleRow;
  readonly due: DueSlots;
  /**
   * The jobs carried by the row that the open part lacks; true for one that is in the sealed part or the archive.
   */
  readonly lookedFor: ReadonlyMap<string, boolean>;
}

/** What came of a schedule's due slots. */
export interface Fired {
  readonly name: string;
  readonly type: string;
  readonly jobs: readonly string[];
  /** Why the last slot has no job. */
  readonly skipped: SlotResult['skipped'];
}

/**
 * Plans what a due schedule is to do.
 *
 * @returns undefined if the row is no schedule
 * @throws TsvqError if croner refuses the expression, or the zone is unknown
 */
export async function planFiring(
  store: Store,
  index: JobIndex,
  row: StoredJob,
  now: number,
): Promise<Firing | undefined> {
  const schedule = readSchedule(row);
  if (schedule === undefined) return undefined;
  const { name, recurrence } = schedule;
  const slots = slotsOf(recurrence, `schedule ${name}: `);
  const most = Math.max(1, Math.min(MOST_SLOTS, Math.floor(MOST_BYTES / row.payload.length)));
  const cutOff = carriedBy(row).filter(({ id }) => index.find(id) === undefined);
  const isKnown = await sealedOrArchived(store.fs, store.realPath, index, cutOff);
  return {
    row,
    schedule,
    due: dueSlots(recurrence, slots, { first: row.runAt, now, most }),
    lookedFor: new Map(cutOff.map(({ id }) => [id, isKnown.has(id)])),
  };
}

const carriedBy = (row: StoredJob): StoredJob[] =>
  followUpRows(row.id, row.attempts, decodeFollowUps(row.followUps) ?? [], row.layout);

/**
 * Makes the jobs of due slots. The schedule's next row carries them, so that each slot is dealt with once: of two rows
 * of one version the earlier decides, and a crash behind it loses no job.
 *
 * @returns undefined if the schedule has changed since the plan, or another process was quicker
 */
export function fire(tx: Transaction, { row, schedule, due, lookedFor }: Firing): Fired | undefined {
  const current = tx.job(row.id);
  if (current === undefined || !tx.isNewest(row)) return undefined;
  // A row that carries other jobs supersedes the one that carries these.
  const cutOff = carriedBy(current).filter(({ id }) => tx.index.find(id) === undefined);
  if (cutOff.some(({ id }) => !lookedFor.has(id))) return undefined;
  const { id, type } = current;
  const jobs: SlotJob[] = [];
  let by: StoredJob | undefined;
  const earlier = earlierJobs(tx, current, schedule);
  for (const slot of due.slots) {
    const job = slotId(id, slot);
    const runAt = slot + jitterOf(job, schedule.recurrence.jitter);
    const admitted = admitSlotJob(tx.now, current, schedule, {
      ...{ runAt, slot, earlier },
      made: jobs.map((one) => one.id),
    });
    by = 'by' in admitted ? admitted.by : undefined;
    if ('by' in admitted) continue;
    for (const ended of admitted.cancelled)
      tx.change(ended, { status: 'cancelled', finishedAt: tx.now, lockedBy: '' });
    jobs.push({ ...admitted.fields, id: job });
  }
  if (jobs.length > 0) for (const lost of cutOff) if (lookedFor.get(lost.id) === false) tx.put(lost);
  const last = due.slots.at(-1);
  const result: SlotResult = {
    slot: (last ?? current.runAt) / 1000,
    ...(jobs.length > 0 && { job: jobs.at(-1)?.id as string }),
    ...(by !== undefined && { skipped: 'overlap', by: by.id }),
    ...(last === undefined && { skipped: 'late' }),
    ...(due.slots[0] !== undefined && due.slots[0] > current.runAt && { since: current.runAt / 1000 }),
  };
  tx.change(current, {
    attempts: current.attempts + jobs.length,
    startedAt: tx.now,
    runAt: due.next ?? NEVER,
    result: JSON.stringify(result),
    // Until a compaction the row carries its jobs, also past slots without one.
    ...(jobs.length > 0 && { followUps: encodeFollowUps(jobs) }),
  });
  for (const job of jobs) tx.put(StoredJob.first(job.id, job, current.layout));
  return { name: schedule.name, type, jobs: jobs.map((job) => job.id), skipped: result.skipped };
}

/** Returns a part of the jitter that depends on the job's id only, which its schedule and slot make. */
const jitterOf = (job: string, jitter: number): number =>
  Math.floor((Number.parseInt(job.slice(0, 8), 16) / 2 ** 32) * jitter);
