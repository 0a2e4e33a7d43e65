import type { Status } from '../job/job.js';
import type { Schedule } from '../job/schedule-spec.js';
import type { Queue } from '../queue.js';

/** A schedule, and the state of its last slot's job; undefined if that job is gone. */
export type ListedSchedule = Schedule & { readonly lastStatus: Status | undefined };

/** Yields the schedules by name. It looks for their last jobs in the archive as well. */
export async function* eachSchedule(queue: Queue): AsyncIterableIterator<ListedSchedule> {
  for (const schedule of await queue.listSchedules()) {
    const { lastJob } = schedule;
    const job = lastJob === undefined ? undefined : await queue.getJob(lastJob, { archive: true });
    yield { ...schedule, lastStatus: job?.status };
  }
}
