import type { createHash } from 'node:crypto';
import { dependency } from '../../job/dependency.js';
import { anyColumns, type NewJobFields } from './columns.js';
import type { Layout } from './layout.js';
import { StoredJob } from './stored-job.js';

/**
 * Returns the id of an attempt's `index`-th follow-up. The id is derived, not random, so that a process that
 * makes the job again after a crash makes the same job.
 */
export function followUpId(id: string, attempt: number, index: number): string {
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto', () => require('node:crypto'));
  return crypto.createHash('sha256').update(`${id}:${attempt}:${index}`).digest('hex').slice(0, 16);
}

/** Returns the field `follow_ups` of a completion row. */
export const encodeFollowUps = (followUps: readonly NewJobFields[]): string =>
  followUps.length === 0 ? '' : JSON.stringify(followUps);

/** Makes the first row of each follow-up of an attempt. */
export const followUpRows = (
  id: string,
  attempt: number,
  followUps: readonly NewJobFields[],
  layout: Layout,
): StoredJob[] => followUps.map((job, i) => StoredJob.first(followUpId(id, attempt, i), job, layout));

/** Returns a completion row with `follow_ups` empty, because the follow-ups have rows of their own. */
export function withoutFollowUps({ row, layout }: StoredJob): StoredJob {
  const emptied = row.slice();
  emptied[layout.at.follow_ups] = '';
  return new StoredJob(emptied, layout);
}

/** Makes the rows of follow-ups that a crash cut off from their parents' completion rows. */
export function missingFollowUps(
  completions: readonly StoredJob[],
  jobs: { find(id: string): unknown },
): StoredJob[] {
  return completions.flatMap(({ id, attempts, followUps, layout }) =>
    followUpRows(id, attempts, decodeFollowUps(followUps) ?? [], layout).filter(
      (followUp) => jobs.find(followUp.id) === undefined,
    ),
  );
}

/** Reads the field `follow_ups`. Returns undefined if the field is empty, or damaged by an edit. */
export function decodeFollowUps(field: string): NewJobFields[] | undefined {
  try {
    const value: unknown = JSON.parse(field);
    return Array.isArray(value) && value.every(isNewJob) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** True if the value is a job whose values are safe, because a tab or line end in one would make false rows. */
const isNewJob = (value: unknown): value is NewJobFields =>
  anyColumns.every(
    ({ isGiven, field, accepts }) =>
      !isGiven || accepts((value as Partial<NewJobFields>)[field as keyof NewJobFields]),
  );
