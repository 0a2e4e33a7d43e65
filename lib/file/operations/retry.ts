import { type Duration, duration, onlyKnown } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import type { Transaction } from '../commit/transaction.js';
import { missingFollowUps } from '../format/follow-ups.js';
import { isSchedule, RETRIED_META } from '../format/meta.js';
import type { StoredJob } from '../format/stored-job.js';
import { brief } from '../format/text.js';
import { ACTIVE, counts } from '../joins/unique.js';
import type { Store } from '../store.js';

/** Options of {@link Queue.retryJob}. */
export interface RetryOptions {
  /** How long to wait before the job is due. Default: 0. */
  delay?: Duration | undefined;
}

/**
 * Makes a failed or cancelled job pending again, due at once or after a delay, with all its attempts. `attempts` is not
 * reset, because (id, attempts) names one attempt for good. Past attempts are forgiven instead.
 *
 * @returns false if the job is unknown, or neither failed nor cancelled
 * @throws TsvqError `INVALID_ARGUMENT` for a schedule or a delay that can't be used, `DUPLICATE_JOB` if another job with its key waits or runs
 */
export async function retry(store: Store, id: string, options: RetryOptions = {}): Promise<boolean> {
  onlyKnown('options', options, ['delay']);
  const delay = duration('delay', options.delay ?? 0);
  if (store.openFile() === undefined) return false;
  return store.update('all', (tx) => {
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
    const { attempts: forgiven } = job;
    const runAt = tx.now + delay;
    tx.change(job, {
      ...{ status: 'pending', runAt, forgiven, finishedAt: undefined, followUps: '', meta: RETRIED_META },
    });
    return true;
  });
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
