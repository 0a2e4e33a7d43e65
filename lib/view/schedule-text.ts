import type { Schedule, ScheduleSpec, ScheduleTimes } from '../job/schedule-spec.js';
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
