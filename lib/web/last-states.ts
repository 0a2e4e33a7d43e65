import type { Status } from '../job/job.js';
import type { Queue } from '../queue.js';
import type { StateOf } from '../view/listed-schedule.js';

/** Makes what tells jobs' states. It looks in the archive once for each, because archived jobs don't change. */
export function rememberingStates(queue: Queue): StateOf {
  const archived = new Map<string, Status | undefined>();
  return async (id) => {
    const job = await queue.getJob(id);
    if (job !== undefined) return job.status;
    if (!archived.has(id)) archived.set(id, (await queue.getJob(id, { archive: true }))?.status);
    return archived.get(id);
  };
}
