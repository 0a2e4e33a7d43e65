import type { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { dependency } from '../../job/dependency.js';

/*
 * A job may have files of its own, in folders beside the real queue file: its steps in steps/. Queues in one folder share
 * these folders. So a file is named after its queue, too: schedules of one name give their jobs the same ids in all queues.
 */

/** The folders of files that jobs may have. */
export type JobFolder = 'steps' | 'logs';

/** Ids that name a file as they are. They have no dot, so that no queue takes another one's file for its own. */
const PLAIN = /^[0-9a-z_-]{1,64}$/;

/** Returns a folder of job files. */
export const jobFolder = (queueFile: string, folder: JobFolder): string => join(dirname(queueFile), folder);

/** Returns how the names of a queue's job files begin. */
export const prefixOf = (queueFile: string): string => `${basename(queueFile, '.tsv')}.`;

/** Returns how the name of a job's file goes on. An id that isn't a plain file name, after an edit by hand, is hashed. */
function nameOf(id: string): string {
  if (PLAIN.test(id)) return id;
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto', () => require('node:crypto'));
  return `@${crypto.createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
}

/** Returns the path of a job's file. */
const pathOf = (queueFile: string, folder: JobFolder, id: string, ending: string): string =>
  join(jobFolder(queueFile, folder), `${prefixOf(queueFile)}${nameOf(id)}${ending}`);

/** Returns the path of a job's steps. */
export const stepsPath = (queueFile: string, id: string): string => pathOf(queueFile, 'steps', id, '.tsv');
