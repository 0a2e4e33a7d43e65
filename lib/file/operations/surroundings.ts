import type { Job } from '../../job/job.js';
import type { JobSurroundings } from '../../job/row-source.js';
import { LimitsFile, laneName } from '../admission/limits-file.js';
import type { JobIndex } from '../index/job-index.js';
import { runningJobs } from '../index/rows.js';
import { overdueAt } from '../lock/overdue.js';
import type { Store } from '../store.js';

/** What is around a job that is not in the open part: it has ended, and nothing there concerns it. */
const ALONE: JobSurroundings = {
  ...{ ahead: 0, runningOfType: 0, isHeld: false },
  ...{ rateUntil: undefined, overdueAt: undefined },
};

/** Looks at the jobs around one, without the lock. */
export async function surroundingsOf(
  store: Store,
  { id, type, group, status }: Job,
): Promise<JobSurroundings> {
  const index = await store.read('open');
  if (index === undefined) return ALONE;
  const slot = index.find(id);
  const now = store.clock.now();
  let runningOfType = 0;
  let overdue: number | undefined;
  for (const job of runningJobs(index)) {
    if (job.type === type) runningOfType++;
    if (job.id === id) overdue = overdueAt(job, 0);
  }
  return {
    ahead: slot === undefined || status !== 'pending' ? 0 : countAhead(index, slot, now),
    runningOfType,
    rateUntil: rateOf(store, type, group ?? '', now),
    isHeld: index.isHeld(id),
    overdueAt: overdue,
  };
}

/** Counts the due jobs that start before one: by priority, run_at and place in the file. */
function countAhead(index: JobIndex, slot: number, now: number): number {
  let ahead = 0;
  for (const other of index.withStatus('pending')) {
    if (other === slot || index.runAt(other) > now) continue;
    const order =
      index.priority(slot) - index.priority(other) ||
      index.runAt(other) - index.runAt(slot) ||
      index.offset(other) - index.offset(slot);
    if (order < 0) ahead++;
  }
  return ahead;
}

function rateOf({ fs, realPath }: Store, type: string, group: string, now: number): Date | undefined {
  const file = new LimitsFile(fs, realPath, false);
  try {
    file.read();
    const times = [laneName(type, ''), laneName(type, group)].map((lane) => file.timeOf(lane) ?? 0);
    const latest = Math.max(...times);
    return latest > now ? new Date(latest) : undefined;
  } catch {
    // Only a worker depends on that file, and warns of it.
    return undefined;
  } finally {
    file.close();
  }
}
