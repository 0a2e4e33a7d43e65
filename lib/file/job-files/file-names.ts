import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';

/*
 * A job may have files of its own, beside the real queue file: its log in logs/, its steps in steps/. Queues in one
 * folder share these two, because ids don't clash.
 */

/** The kinds of files that a job may have: the folder, and how their names end. */
export const JOB_FILES = {
  logs: ['.log', '.log.1'],
  steps: ['.tsv'],
} as const;

export type JobFolder = keyof typeof JOB_FILES;

/** Ids that name a file as they are. Upper case is left out, because some file systems don't tell it apart. */
const PLAIN = /^[0-9a-z_-]{1,64}$/;

/** Returns the folder of a kind of job files. */
export const jobFolder = (queueFile: string, folder: JobFolder): string => join(dirname(queueFile), folder);

/** Returns the beginning of the names of a job's files. An id that an edit by hand made odd is hashed. */
export const nameOf = (id: string): string =>
  PLAIN.test(id) ? id : `@${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;

/** Returns the path of a job's log. The older half of a long log has `.1` after it. */
export const logPath = (queueFile: string, id: string): string =>
  join(jobFolder(queueFile, 'logs'), `${nameOf(id)}.log`);
