import type { JobIndex } from './job-index.js';
import { eachJob } from './rows.js';

/** What is known of an index's failed jobs: the version of each row that was read, and if it is dismissed. */
const known = new WeakMap<
  JobIndex,
  Map<number, { readonly version: number; readonly isDismissed: boolean }>
>();

/**
 * Finds the failed jobs of an index that are dismissed. The index doesn't know it, so each failed job's row is read
 * once. Other jobs cost nothing.
 *
 * @returns their slots
 */
export function dismissedIn(index: JobIndex): ReadonlySet<number> {
  const before = known.get(index) ?? new Map();
  known.set(index, before);
  const failed = [...index.withStatus('failed')];
  const unread = failed.filter((slot) => before.get(slot)?.version !== index.version(slot));
  for (const job of eachJob(index, unread)) {
    // A row that was superseded meanwhile is read at the next call.
    const slot = job?.known?.slot;
    if (job !== undefined && slot !== undefined)
      before.set(slot, { version: job.version, isDismissed: job.isDismissed });
  }
  return new Set(failed.filter((slot) => before.get(slot)?.isDismissed));
}
