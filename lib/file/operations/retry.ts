import { RETRIED_META } from '../format/meta.js';
import type { Store } from '../store.js';

/**
 * Makes a failed or cancelled job pending again, due at once, with all its attempts. `attempts` is not
 * reset, because (id, attempts) names one attempt for good. Past attempts are forgiven instead.
 *
 * @returns false if the job is unknown, or neither failed nor cancelled
 */
export async function retry(store: Store, id: string): Promise<boolean> {
  if (store.openFile() === undefined) return false;
  return store.update('all', (tx) => {
    const job = tx.job(id);
    if (job?.status !== 'failed' && job?.status !== 'cancelled') return false;
    const { attempts: forgiven } = job;
    tx.change(job, { status: 'pending', runAt: tx.now, forgiven, finishedAt: undefined, meta: RETRIED_META });
    return true;
  });
}
