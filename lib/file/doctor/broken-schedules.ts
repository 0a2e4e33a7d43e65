import { errorMessage } from '../../job/errors.js';
import { slotsOf } from '../../schedule/slots.js';
import { readSchedule } from '../format/schedule-row.js';
import type { StoredJob } from '../format/stored-job.js';
import { brief } from '../format/text.js';
import { eachJob } from '../index/rows.js';
import type { Store } from '../store.js';

/** Says why a `recurring` row makes no jobs; undefined if it does. */
export function scheduleProblem(row: StoredJob): string | undefined {
  const schedule = readSchedule(row);
  const id = brief(row.id);
  if (schedule === undefined)
    return `row ${id} is recurring, but its meta is not that of a schedule with this id, so it makes no jobs; cancel the row (queue cancel ${id}), then declare the schedule again`;
  try {
    slotsOf(schedule.recurrence, '');
    return undefined;
  } catch (error) {
    return `schedule ${JSON.stringify(schedule.name)} makes no jobs: ${errorMessage(error)}`;
  }
}

/** Describes the schedules that make no jobs: a damaged row, or an unreadable line with the schedule's id. */
export async function brokenSchedules(store: Store): Promise<string[]> {
  const index = await store.read('open');
  if (index === undefined) return [];
  const problems: string[] = [];
  for (const row of eachJob(index, [...index.withStatus('recurring')])) {
    if (row === undefined) continue;
    const problem = scheduleProblem(row);
    if (problem !== undefined) problems.push(`${problem} (see queue doctor)`);
    else if (index.isHeld(row.id))
      problems.push(
        `schedule ${JSON.stringify(readSchedule(row)?.name)} may be out of date: a line with its id can't be read (see queue doctor)`,
      );
  }
  return problems;
}
