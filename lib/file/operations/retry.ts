import { type Duration, duration, invalid, onlyKnown } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import type { Transaction } from '../commit/transaction.js';
import { missingFollowUps } from '../format/follow-ups.js';
import { isSchedule, RETRIED_META } from '../format/meta.js';
import type { StoredJob } from '../format/stored-job.js';
import { brief } from '../format/text.js';
import { removeSteps, syncRemoval } from '../job-files/remove-steps.js';
import { ACTIVE, counts } from '../joins/unique.js';
import type { Store } from '../store.js';

/** Options of {@link Queue.retryJob}. */
export interface RetryOptions {
  /** How long to wait before the job is due. Default: 0. */
  delay?: Duration | undefined;
  /**
   * True to remove the job's recorded steps, so that its handler runs all of them again. If the call then fails, the steps
   * may be gone all the same. Default: false, the job goes on after the last recorded step.
   */
  fromStart?: boolean | undefined;
}

/**
 * Makes a failed or cancelled job pending again, due at once or after a delay, with all its attempts. `attempts` is not
 * reset, because (id, attempts) names one attempt for good. Past attempts are forgiven instead.
 *
 * @returns false if the job is unknown, or neither failed nor cancelled
 * @throws TsvqError `INVALID_ARGUMENT` for a schedule or a delay that can't be used, `DUPLICATE_JOB` if another job with its key waits or runs
 */
export async function retry(store: Store, id: string, options: RetryOptions = {}): Promise<boolean> {
  onlyKnown('options', options, ['delay', 'fromStart']);
  const { fromStart = false } = options;
  if (typeof fromStart !== 'boolean') throw invalid('fromStart', fromStart, 'a boolean');
  const delay = duration('delay', options.delay ?? 0);
  if (store.openFile() === undefined) return false;
  let hasSteps = fromStart;
  const isRetried = await store.update('all', (tx) => {
    const job = tx.job(id);
    if ((job?.status !== 'failed' && job?.status !== 'cancelled') || job.isForgotten) return false;
    if (isSchedule(job.meta))
      throw new TsvqError(
        'INVALID_ARGUMENT',
        `${id} is a schedule that was removed, not a job; declare it again`,
      );
    refuseDuplicate(tx, job);
    // This row no longer carries the job that tells of the failure. A full disk may have cut that off.
    for (const row of missingFollowUps([job], tx.index)) tx.put(row);
    // No worker claims the job before its row is in the file. After it, a worker may have recorded new steps.
    if (hasSteps) removeSteps(store, id);
    hasSteps = false;
    const { attempts: forgiven } = job;
    const runAt = tx.now + delay;
    tx.change(job, {
      ...{ status: 'pending', runAt, forgiven, finishedAt: undefined, followUps: '', meta: RETRIED_META },
    });
    return true;
  });
  if (fromStart && isRetried) await syncRemoval(store);
  return isRetried;
}

function refuseDuplicate(tx: Transaction, { id, type, dedupeKey }: StoredJob): void {
  if (dedupeKey === '') return;
  const other = tx.withKey(type, dedupeKey).find((job) => job.id !== id && counts(job, ACTIVE));
  if (other === undefined) return;
  const key = JSON.stringify(brief(dedupeKey));
  throw new TsvqError(
    'DUPLICATE_JOB',
    `job ${id} (${type}) can't be retried, because job ${other.id} has its key ${key} and is ${other.status}`,
    { existing: [other.id] },
  );
}
