import type { Schedule, ScheduleSpec, ScheduleTimes } from '../job/schedule-spec.js';
import type { ListedSchedule } from './listed-schedule.js';
import { exactSpan, span } from './text.js';
import { isoInZone } from './zoned-time.js';

/** Says when a schedule is due: `30 2 * * * Europe/Berlin`, `every 15m`. */
export const whenOf = ({
  cron,
  every,
  timezone,
}: Pick<ScheduleSpec, 'cron' | 'every' | 'timezone'>): string =>
  cron === undefined ? `every ${exactSpan(Number(every))}` : `${cron} ${timezone}`;

/** Says when a schedule is due next, in its own time zone, or that it isn't. */
export function nextRunOf({ nextRun, paused, spec }: Schedule): string {
  if (nextRun === undefined) return paused ? 'none, it is paused' : 'none, its end is past';
  const left = nextRun.getTime() - Date.now();
  return `${zoned(nextRun, spec)} (${left > 0 ? `in ${span(left)}` : 'due'})`;
}

/** Formats a time in a schedule's time zone. */
export const zoned = (time: Date, { timezone = 'UTC' }: Pick<ScheduleTimes, 'timezone'>): string =>
  isoInZone(time, timezone);

const SKIPPED = { overlap: 'skipped: the job before was not over', late: 'skipped: too late' };

/** Says what came of a schedule's last slot: the state of its job, or why it has none. Empty before the first slot. */
export function cameTo({ lastSlot, skipped, lastStatus }: ListedSchedule): string {
  if (lastSlot === undefined) return '';
  return skipped === undefined ? (lastStatus ?? 'its job is gone') : SKIPPED[skipped];
}
