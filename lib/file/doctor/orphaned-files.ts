import { JobFiles } from '../job-files/job-files.js';
import type { Store } from '../store.js';
import type { Finding } from './finding.js';

/** Returns the files in logs/ and steps/ whose job is in no row. */
export async function orphanedFiles(store: Store): Promise<string[]> {
  const { fs, realPath, clock } = store;
  // Before the rows are read, because a job has its row before it has files.
  const files = JobFiles.find(fs, realPath);
  if (files === undefined) return [];
  const jobs = await store.read('all');
  if (jobs === undefined) return [];
  files.stayIf((id) => jobs.find(id) !== undefined || jobs.isHeld(id));
  return files.orphans(clock.now());
}

/** Finds the files that {@link orphanedFiles} returns, all as one finding. */
export async function inspectFiles(store: Store): Promise<Finding[]> {
  const [first, ...others] = await orphanedFiles(store);
  if (first === undefined) return [];
  const what =
    others.length === 0
      ? `${first} belongs to a job that is no longer there`
      : `${first} and ${others.length} more belong to jobs that are no longer there`;
  return [{ kind: 'job-file', message: `${what}; delete ${others.length === 0 ? 'it' : 'them'}` }];
}
