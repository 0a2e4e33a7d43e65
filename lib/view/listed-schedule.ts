import type { Status } from '../job/job.js';
import type { Schedule } from '../job/schedule-spec.js';
import type { Queue } from '../queue.js';

/** A schedule, and the state of its last slot's job; undefined if that job is gone. */
export type ListedSchedule = Schedule & { readonly lastStatus: Status | undefined };

/** Tells a job's state, also that of an archived one; undefined if it is gone. */
export type StateOf = (id: string) => Promise<Status | undefined>;

/** Yields the schedules by name. @param stateOf Default: it looks in the archive each time */
export async function* eachSchedule(
  queue: Queue,
  stateOf: StateOf = async (id) => (await queue.getJob(id, { archive: true }))?.status,
): AsyncIterableIterator<ListedSchedule> {
  for (const schedule of await queue.listSchedules()) {
    const { lastJob } = schedule;
    yield { ...schedule, lastStatus: lastJob === undefined ? undefined : await stateOf(lastJob) };
  }
}
