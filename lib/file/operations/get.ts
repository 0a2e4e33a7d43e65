import { count, onlyKnown } from '../../job/checks.js';
import { loaded } from '../../job/dependency.js';
import type { Job } from '../../job/job.js';
import { findArchived } from '../compaction/archive.js';
import type { StoredJob } from '../format/stored-job.js';
import { readJobs } from '../index/rows.js';
import type * as readLog from '../job-files/read-log.js';
import type { Store } from '../store.js';

/** What {@link Operator.readLog} reads of a log. */
export interface LogOptions {
  /** How many of the newest bytes; default: all, 2 MiB at most. */
  readonly bytes?: number;
}

/** Returns the job with this id as it is now, or undefined if the file has no job with it. */
export async function get(store: Store, id: string): Promise<Job | undefined> {
  const job = (await findStored(store, id))?.toJob();
  if (job?.status !== 'processing') return job;
  const { readProgress } = await logReading();
  return { ...job, progress: readProgress(store.fs, store.realPath, id, job.attempts) };
}

/**
 * Returns the newest whole lines of a job's log; '' if there is none.
 *
 * @throws TsvqError `INVALID_ARGUMENT`, and `NO_ACCESS` if this process may not read it
 */
export async function getLog(store: Store, id: string, options: LogOptions = {}): Promise<string> {
  onlyKnown('options', options, ['bytes']);
  const { bytes = Number.MAX_SAFE_INTEGER } = options;
  count('bytes', bytes, 0);
  const { readLog } = await logReading();
  return readLog(store.fs, store.realPath, id, bytes);
}

export type LogReading = typeof readLog;

/** Loads the code that reads logs, because an idle tick needs none of it. */
export const logReading = (): Promise<LogReading> =>
  loaded('the code that reads logs', import('../job-files/read-log.js'));

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
