import type { Store } from '../store.js';

/**
 * Makes a pending job due now that waits for its time or for its next attempt.
 *
 * @returns false if the job is unknown, or not pending
 */
export async function promote(store: Store, id: string): Promise<boolean> {
  if (store.openFile() === undefined) return false;
  return store.update('open', (tx) => {
    const job = tx.job(id);
    if (job?.status !== 'pending') return false;
    // A job that is due already needs no row. Its row may be another process's, and not durable yet.
    if (job.runAt <= tx.now) tx.reliesOnRows = true;
    else tx.change(job, { runAt: tx.now });
    return true;
  });
}
