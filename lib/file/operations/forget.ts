import { TsvqError } from '../../job/errors.js';
import { isFinal } from '../../job/job.js';
import { isSchedule, type Meta, otherLabels } from '../format/meta.js';
import type { StoredJob } from '../format/stored-job.js';
import { jobFilePaths } from '../job-files/file-names.js';
import { removeFiles } from '../job-files/job-files.js';
import type { Store } from '../store.js';

/**
 * Forgets a finished job: callers no longer see it, and the next compaction leaves it out of the file and the archive.
 * What it was about is empty in its new row; its earlier rows stay in the file until that compaction.
 *
 * @returns false if the job is unknown, not finished, or in the archive already
 * @throws TsvqError `INVALID_ARGUMENT` if its `meta` can't be written
 */
export async function forget(store: Store, id: string): Promise<boolean> {
  if (store.openFile() === undefined) return false;
  const isForgotten = await store.update('all', (tx) => {
    const job = tx.job(id);
    if (job === undefined || !isFinal(job.status) || isSchedule(job.meta)) return false;
    if (job.isForgotten) {
      // The row may be another process's, and not durable yet.
      tx.reliesOnRows = true;
      return false;
    }
    const meta = forgotten(job);
    if (!job.canNote(meta))
      throw new TsvqError(
        'INVALID_ARGUMENT',
        `job ${id} (${job.type}) can't be forgotten, because its meta isn't a JSON object; see queue doctor`,
      );
    const nothing = { result: '', error: '', dedupeKey: '', group: '', progress: '' };
    tx.change(job, { ...nothing, payload: 'null', meta });
    return true;
  });
  if (isForgotten) await removeFiles(store.fs, jobFilePaths(store.realPath, id));
  return isForgotten;
}

/** Returns the change that leaves only the note. */
const forgotten = ({ meta }: StoredJob): Meta => ({
  ...otherLabels(meta, {}),
  '@dismissed': undefined,
  '@forget': true,
});
