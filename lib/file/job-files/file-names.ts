import type { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { dependency } from '../../job/dependency.js';

/*
 * A job may have files of its own, in folders beside the real queue file: its log in logs/, its steps in steps/. Queues in
 * one folder share these folders. So a file is named after its queue, too: schedules of one name give their jobs the same ids in all queues.
 */

/** The kinds of files that a job may have: the folder, and how their names end. */
export const JOB_FILES = {
  logs: ['.log', '.log.1'],
  steps: ['.tsv'],
} as const;

export type JobFolder = keyof typeof JOB_FILES;

/** Ids that name a file as they are. They have no dot, so that no queue takes another one's file for its own. */
const PLAIN = /^[0-9a-z_-]{1,64}$/;

/** Returns a folder of job files. */
export const jobFolder = (queueFile: string, folder: JobFolder): string => join(dirname(queueFile), folder);

/** Returns how the names of a queue's job files begin. */
const prefixOf = (queueFile: string): string => `${basename(queueFile, '.tsv')}.`;

/** Returns how the name of a job's file goes on after that. An id that isn't a plain file name, after an edit by hand, is hashed. */
export function nameOf(id: string): string {
  if (PLAIN.test(id)) return id;
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto', () => require('node:crypto'));
  return `@${crypto.createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
}

/** Returns the path of a job's file. */
const pathOf = (queueFile: string, folder: JobFolder, id: string, ending: string): string =>
  join(jobFolder(queueFile, folder), `${prefixOf(queueFile)}${nameOf(id)}${ending}`);

/** Returns the path of a job's steps. */
export const stepsPath = (queueFile: string, id: string): string => pathOf(queueFile, 'steps', id, '.tsv');

/** Returns the path of a job's log. The older half of a long log has `.1` after it. */
export const logPath = (queueFile: string, id: string): string => pathOf(queueFile, 'logs', id, '.log');

/** Returns the paths of all files that a job may have. */
export const jobFilePaths = (queueFile: string, id: string): string[] =>
  Object.entries(JOB_FILES).flatMap(([folder, endings]) =>
    endings.map((ending) => pathOf(queueFile, folder as JobFolder, id, ending)),
  );

/** Returns the name by {@link nameOf} in the name of a file; undefined if it is none of this queue's job files. */
export function jobNameIn(queueFile: string, folder: JobFolder, file: string): string | undefined {
  const prefix = prefixOf(queueFile);
  const end = JOB_FILES[folder].find((ending) => file.endsWith(ending));
  if (end === undefined || !file.startsWith(prefix)) return undefined;
  const name = file.slice(prefix.length, -end.length);
  return name.startsWith('@') || PLAIN.test(name) ? name : undefined;
}
