import { count as countOf, instant, invalid } from '../job/checks.js';
import type { ScheduleTimes } from '../job/schedule-spec.js';
import { checkRecurrence } from './recurrence.js';
import { slotsOf } from './slots.js';

/** The last time that a Date can hold, in ms. */
const LAST_TIME = 8.64e15;

/**
 * Returns when a schedule would be due next. It needs no queue.
 *
 * @param from the times come after this one. Default: now.
 * @throws TsvqError `INVALID_ARGUMENT`
 * @example
 * nextRuns({ cron: '30 2 * * *', timezone: 'Europe/Berlin' }, 3, '2030-03-30T00:00:00Z');
 */
export function nextRuns(
  spec: ScheduleTimes,
  count: number,
  from: Date | string | number = new Date(),
): Date[] {
  if (typeof spec !== 'object' || spec === null) throw invalid('the schedule', spec, 'an object');
  const slots = slotsOf(checkRecurrence(spec, ''), '');
  const times: Date[] = [];
  let slot = slots.next(instant('from', from));
  for (let left = countOf('count', count); left > 0 && slot !== undefined; left--) {
    // A long interval soon leaves the range of Date.
    if (slot > LAST_TIME) break;
    times.push(new Date(slot));
    slot = slots.next(slot);
  }
  return times;
}
