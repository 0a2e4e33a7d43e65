import type { Schedule } from '../job/schedule-spec.js';
import type { Queue } from '../queue.js';
import { type CliError, notFound } from './exit.js';

/** Finds a schedule by its name. @throws CliError (not found) */
export async function findSchedule(queue: Queue, name: string): Promise<Schedule> {
  const found = (await queue.listSchedules()).find((schedule) => schedule.name === name);
  if (found === undefined) throw noSchedule(queue, name);
  return found;
}

/** Makes the error for a name that no schedule has. */
export const noSchedule = (queue: Queue, name: string): CliError =>
  notFound(`there is no schedule ${JSON.stringify(name)} in ${queue.file}; queue schedule list shows all`);
