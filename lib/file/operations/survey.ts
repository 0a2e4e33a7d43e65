import { isFinal } from '../../job/job.js';
import { DAY_MS, datedAhead } from '../doctor/dated-ahead.js';
import type { JobIndex } from '../index/job-index.js';
import { eachJob } from '../index/rows.js';
import type { Liveness } from '../lock/process-id.js';
import type { Store } from '../store.js';

/** Open jobs that no worker may ever run: what `queue check` tells beyond the figures of all. */
export interface Survey {
  /** Jobs that are not run because a line with their id can't be read. */
  held: number;
  /** Jobs that wait for a time that was not meant; see {@link datedAhead}. */
  ahead: number;
  /** Jobs whose worker is dead, and that no other worker has taken back since. */
  orphaned: number;
}

/**
 * Looks at the open jobs, without the lock.
 *
 * @param patience how long ago, in ms, an orphan was claimed at the least: the next worker takes younger ones back
 */
export async function survey(store: Store, patience: number): Promise<Survey> {
  const found: Survey = { held: 0, ahead: 0, orphaned: 0 };
  const index = await store.read('open');
  if (index === undefined) return found;
  for (const id of index.held()) {
    const slot = index.find(id);
    if (slot !== undefined && !isFinal(index.status(slot))) found.held++;
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

/** Jobs that run, or are to run later than in a day; of the others there is nothing to read. */
function suspects(index: JobIndex, now: number): number[] {
  const pending = [...index.withStatus('pending')].filter((slot) => index.runAt(slot) > now + DAY_MS);
  return [...index.withStatus('processing'), ...pending];
}
