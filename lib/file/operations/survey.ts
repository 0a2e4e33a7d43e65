import { isFinal } from '../../job/job.js';
import { DAY_MS, datedAhead } from '../doctor/dated-ahead.js';
import type { JobIndex } from '../index/job-index.js';
import { eachJob } from '../index/rows.js';
import { heldJobs } from '../index/unreadable.js';
import type { Liveness } from '../lock/process-id.js';
import type { Store } from '../store.js';

/** Counts of open jobs that may never run. `queue check` reports them besides the figures. */
export interface Survey {
  /** The number of held jobs: an unreadable line has their id. */
  held: number;
  /** The number of jobs that wait for a wrong time; see {@link datedAhead}. */
  ahead: number;
  /** The number of jobs whose worker is dead, and that no other worker rescued. */
  orphaned: number;
}

/**
 * Counts open jobs that may never run, without the lock.
 *
 * @param patience the least age of an orphan's claim, in ms, because the next worker rescues younger ones
 */
export async function survey(store: Store, patience: number): Promise<Survey> {
  const found: Survey = { held: 0, ahead: 0, orphaned: 0 };
  const index = await store.read('open');
  if (index === undefined) return found;
  for (const id of heldJobs(index)) {
    const slot = index.find(id);
    const status = slot === undefined ? undefined : index.status(slot);
    if (status !== undefined && !isFinal(status) && status !== 'recurring') found.held++;
  }
  const now = store.clock.now();
  const owners = new Map<string, Liveness>();
  for (const job of eachJob(index, suspects(index, now))) {
    if (job === undefined) continue;
    const { status, startedAt = Number.NaN, createdAt, runAt, lockedBy: owner } = job;
    if (datedAhead(status, { createdAt, startedAt, runAt }, now) !== undefined) found.ahead++;
    else if (status === 'processing' && !(startedAt > now - patience)) {
      const liveness = owners.get(owner) ?? store.processes.liveness(owner);
      owners.set(owner, liveness);
      if (owner === '' || liveness === 'dead') found.orphaned++;
    }
  }
  return found;
}

/** Returns the slots of schedules, and of jobs that run or start in more than a day. The other jobs need no read. */
function suspects(index: JobIndex, now: number): number[] {
  const pending = [...index.withStatus('pending')].filter((slot) => index.runAt(slot) > now + DAY_MS);
  return [...index.withStatus('processing'), ...index.withStatus('recurring'), ...pending];
}
