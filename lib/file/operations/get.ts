import type { Job } from '../../job/job.js';
import { findArchived } from '../compaction/archive.js';
import { readJobs } from '../index/rows.js';
import type { Store } from '../store.js';

/** The job as it is now, or undefined for any string that is no id in the file. */
export async function get(store: Store, id: string): Promise<Job | undefined> {
  // A row can be struck between looking its place up and reading it; its replacement is there by then.
  for (let tries = 0; tries < 5; tries++) {
    const index = await store.read('all');
    const slot = index?.find(id);
    if (index === undefined || slot === undefined) return undefined;
    const [job] = readJobs(index, [slot]);
    if (job !== undefined) return job.toJob();
    await store.forget();
  }
  return undefined;
}

/** Finds a job among those past their retention time, in the archive. */
export async function getArchived(store: Store, id: string): Promise<Job | undefined> {
  return (await findArchived(store.fs, store.realPath, id))?.toJob();
}
