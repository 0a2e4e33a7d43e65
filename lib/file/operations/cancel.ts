import { isFinal } from '../../job/job.js';
import type { Store } from '../store.js';

/**
 * Cancels a job that waits or runs. Its worker sees the new row within a second and aborts the handler. The
 * handler's result is ignored.
 *
 * @returns false if the job is unknown or finished
 */
export async function cancel(store: Store, id: string): Promise<boolean> {
  if (store.openFile() === undefined) return false;
  return store.update('open', (tx) => {
    const job = tx.job(id);
    if (job === undefined || isFinal(job.status)) return false;
    tx.change(job, { status: 'cancelled', finishedAt: tx.now, lockedBy: '' });
    return true;
  });
}
