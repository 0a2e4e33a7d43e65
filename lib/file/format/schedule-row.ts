import { isName } from '../../job/name.js';
import type { Recurrence } from '../../job/schedule-spec.js';
import { recurrenceIn } from '../../schedule/recurrence.js';
import { scheduleId } from './derived-id.js';
import { isOurId } from './id.js';
import type { StoredJob } from './stored-job.js';

/** The `run_at` of a schedule that has no next slot: the year 3000, in ms. */
export const NEVER = 32_503_680_000_000;

/** A schedule as in its row. Type, payload and options of its jobs are the row's own. */
export interface ScheduleRow {
  readonly name: string;
  readonly recurrence: Recurrence;
}

/** What was decided at a schedule's last slot, as in its `result`; times in Unix seconds. */
export interface SlotResult {
  readonly slot: number;
  /** The job of the slot. */
  readonly job?: string;
  /** Why there is none. */
  readonly skipped?: 'overlap' | 'late';
  /** The job that was not over. */
  readonly by?: string;
  /** Slots from this one to `slot` were passed over. */
  readonly since?: number;
}

/** Reads what a schedule's row says of its last slot. Returns undefined if there was none, or an edit damaged it. */
export function lastSlot({ result }: StoredJob): SlotResult | undefined {
  try {
    const last = JSON.parse(result) as SlotResult | null;
    return isSlotResult(last) ? last : undefined;
  } catch {
    return undefined;
  }
}

const isSlotResult = (value: SlotResult | null): value is SlotResult =>
  typeof value?.slot === 'number' &&
  value.slot >= 0 &&
  value.slot * 1000 < NEVER &&
  (value.job === undefined || isOurId(value.job)) &&
  [undefined, 'overlap', 'late'].includes(value.skipped);

/**
 * Returns the time after which a schedule may go on, in ms. A slot must not come again after a clock was set back, or
 * if another process fires while a call waits for the lock.
 */
export const goesOnAfter = (row: StoredJob | undefined, now: number): number =>
  Math.max(now, ((row && lastSlot(row)?.slot) ?? 0) * 1000);

/** Reads a schedule's row. Returns undefined for one that an edit by hand damaged, or gave the id of another name. */
export function readSchedule(row: StoredJob): ScheduleRow | undefined {
  const note = row.meta['@schedule'];
  if (typeof note !== 'object') return undefined;
  const { name, ...rest } = note;
  const recurrence = recurrenceIn(rest);
  if (recurrence === undefined || !isName(name) || scheduleId(name) !== row.id) return undefined;
  return { name, recurrence };
}
