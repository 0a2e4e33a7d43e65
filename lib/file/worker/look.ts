import type { Executor } from '../../runner/executor.js';
import type { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';
import type { ClaimedJob } from './claimed-job.js';
import type { DueQueue } from './due-queue.js';

/** Reads new rows without the lock, and stops running jobs that were cancelled. */
export async function look(store: Store, dueQueue: DueQueue, executor: Executor<ClaimedJob>): Promise<void> {
  const index = await store.read('open');
  if (index === undefined) return dueQueue.leave();
  // The due queue follows later indexes itself. This one may already be old, because other callers read, too.
  if (dueQueue.index === undefined) dueQueue.follow(index);
  if (dueQueue.isStale) {
    await store.forget();
    return look(store, dueQueue, executor);
  }
  if (index !== dueQueue.index) return;
  for (const attempt of executor.attempts()) {
    if (!stands(attempt, index, store)) attempt.stop('cancelled');
  }
}

/**
 * True if a claim is not superseded, as far as the file was read: the job is still open and has no newer row.
 * A job that is not open was finished by another process. Its row was moved to the sealed part or the
 * archive.
 */
function stands({ id, version }: ClaimedJob, index: JobIndex, store: Store): boolean {
  const slot = index.find(id);
  if (slot !== undefined) return index.version(slot) <= version;
  const { file } = index;
  // While a person edits the file, any part of it may be missing.
  const isWhole = !store.lock.isRewriting && file.isCurrent() && index.position === file.size;
  return !isWhole || index.isHeld(id);
}
