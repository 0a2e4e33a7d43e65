import type { Schedule } from '../job/schedule-spec.js';
import { type Asked, shownJob } from './asked.js';
import { HIDDEN } from './redaction.js';

/** Returns a schedule as it may be shown: its jobs have its payload and labels, and `redact` knows only jobs. */
export async function shownSchedule<S extends Schedule>(asked: Asked, schedule: S): Promise<S> {
  if (asked.settings.redact === undefined) return schedule;
  const row = await asked.queue.getJob(schedule.id);
  const { payload, meta } = row === undefined ? { payload: HIDDEN, meta: {} } : shownJob(asked, row);
  const { spec } = schedule;
  return { ...schedule, spec: { ...spec, payload, options: { ...spec.options, meta } } };
}
