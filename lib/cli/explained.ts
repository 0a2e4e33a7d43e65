import { gatherHealth } from '../file/operations/health.js';
import { type JobSurroundings, surroundingsOf } from '../file/operations/surroundings.js';
import type { Store } from '../file/store.js';
import { isFinal, type Job } from '../job/job.js';
import type { Queue } from '../queue.js';
import { type Explanation, explain } from '../view/explain.js';

/** The surroundings of a job that is not in the open part: it has ended, and nothing there concerns it. */
const ALONE: JobSurroundings = {
  ...{ ahead: 0, runningOfType: 0, isHeld: false },
  ...{ rateUntil: undefined, overdueAt: undefined },
};

/** Explains a job by all that the queue knows now. */
export async function explained(job: Job, queue: Queue, store: Store): Promise<Explanation> {
  const liveness = job.lockedBy === undefined ? 'unknown' : store.processes.liveness(job.lockedBy);
  return explain(job, {
    ...((await surroundingsOf(store, job)) ?? ALONE),
    now: Date.now(),
    health: await gatherHealth(store, 600_000),
    isWorkerAlive: liveness === 'unknown' ? undefined : liveness === 'alive',
    parents: await openParents(job, queue),
  });
}

async function openParents({ after }: Job, queue: Queue): Promise<string[]> {
  const parents = await Promise.all(after.map((id) => queue.getJob(id)));
  return parents.flatMap((job) =>
    job === undefined || isFinal(job.status) ? [] : [`${job.id} (${job.type}): ${job.status}`],
  );
}
