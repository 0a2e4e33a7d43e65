import type { Job } from '../../job/job.js';
import { findArchived } from '../compaction/archive.js';
import type { StoredJob } from '../format/stored-job.js';
import { readJobs } from '../index/rows.js';
import type { Store } from '../store.js';

/** Returns the job with this id as it is now, or undefined if the file has no job with it. */
export const get = async (store: Store, id: string): Promise<Job | undefined> =>
  (await findStored(store, id))?.toJob();

/** Returns the newest row of the job with this id; undefined if the file has none, or the job is forgotten. */
export async function findStored(store: Store, id: string): Promise<StoredJob | undefined> {
  // A row can be struck between its lookup and the read. Then the file has a newer one.
  for (let tries = 0; tries < 5; tries++) {
    const index = await store.read('all');
    const slot = index?.find(id);
    if (index === undefined || slot === undefined) return undefined;
    const [job] = readJobs(index, [slot]);
    if (job !== undefined) return job.isForgotten ? undefined : job;
    await store.forget();
  }
  return undefined;
}

/** Finds a job past its retention time, in the archive. */
export async function getArchived(store: Store, id: string): Promise<Job | undefined> {
  return (await findArchived(store.fs, store.realPath, id))?.toJob();
}
