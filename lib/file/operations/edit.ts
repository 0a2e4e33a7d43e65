import { TsvqError } from '../../job/errors.js';
import type { EnqueueOptions } from '../../job/job-options.js';
import { otherLabels } from '../format/meta.js';
import type { StoredJob } from '../format/stored-job.js';
import type { Store } from '../store.js';
import { checkFields } from './new-job.js';

/** The values of a job that an operator may change. */
export interface JobEdit {
  readonly payload: unknown;
  readonly options: Pick<EnqueueOptions, 'runAt' | 'priority' | 'maxAttempts' | 'timeout' | 'group' | 'meta'>;
}

/**
 * Writes an edited job as its next version, if it is still what was edited. Its state and its attempts stay.
 *
 * @param before the row that was edited
 * @param edit all values; an option that is missing has its default then. `runAt` counts only for a job that has not begun
 * @returns false if the job has changed since, and nothing was written
 * @throws TsvqError `INVALID_ARGUMENT`, `PAYLOAD_TOO_LARGE`
 */
export async function edit(store: Store, before: StoredJob, { payload, options }: JobEdit): Promise<boolean> {
  const { type, text } = before;
  const rules = { ...store.options, defaults: {} };
  const { fields } = checkFields({ type, payload, options }, store.clock.now(), rules, '');
  return store.update('all', (tx) => {
    const job = tx.job(before.id);
    if (job?.text !== text) return false;
    const labels = otherLabels(job.meta, fields.meta ?? {});
    if (!job.canNote(labels))
      throw new TsvqError(
        'INVALID_ARGUMENT',
        `job ${job.id} (${type}) can't be edited, because its meta isn't a JSON object, or has no room for the labels; see queue doctor`,
      );
    const { runAt, priority, maxAttempts, timeout, group = '' } = fields;
    const isWaiting = job.status === 'pending' || job.status === 'waiting';
    tx.change(job, {
      ...{ payload: fields.payload, priority, maxAttempts, timeout, group },
      ...(isWaiting && options.runAt !== undefined && { runAt }),
      meta: labels,
    });
    return true;
  });
}
