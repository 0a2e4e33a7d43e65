import { TsvqError } from '../../job/errors.js';
import type { OwnMeta } from '../format/meta.js';
import type { Store } from '../store.js';

const DISMISSED: OwnMeta = { '@dismissed': true };

/**
 * Notes that an operator has seen a failed job. It stays failed, and no longer counts for `queue check`.
 *
 * @returns false if the job is unknown, or not failed
 * @throws TsvqError `INVALID_ARGUMENT` if its `meta` has no room for the note
 */
export async function dismiss(store: Store, id: string): Promise<boolean> {
  if (store.openFile() === undefined) return false;
  return store.update('all', (tx) => {
    const job = tx.job(id);
    if (job?.status !== 'failed' || job.isForgotten) return false;
    if (job.isDismissed) {
      // The row may be another process's, and not durable yet.
      tx.reliesOnRows = true;
      return true;
    }
    if (!job.canNote(DISMISSED))
      throw new TsvqError(
        'INVALID_ARGUMENT',
        `job ${id} (${job.type}) can't be dismissed, because its meta isn't a JSON object, or has no room for the note; ` +
          'see queue doctor',
      );
    tx.change(job, { meta: DISMISSED });
    return true;
  });
}
