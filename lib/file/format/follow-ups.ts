import type { createHash } from 'node:crypto';
import { dependency } from '../../job/dependency.js';
import { anyColumns, type NewJobFields } from './columns.js';
import type { Layout } from './layout.js';
import { StoredJob } from './stored-job.js';

/**
 * Returns the id of an attempt's `index`-th follow-up. It is derived, not random, so that a process that
 * makes the job again after a crash makes the same one.
 */
export function followUpId(id: string, attempt: number, index: number): string {
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto', () => require('node:crypto'));
  return crypto.createHash('sha256').update(`${id}:${attempt}:${index}`).digest('hex').slice(0, 16);
}

/** Returns a completion row's column. */
export const encodeFollowUps = (followUps: readonly NewJobFields[]): string =>
  followUps.length === 0 ? '' : JSON.stringify(followUps);

/** Makes the follow-ups' rows. */
export const followUpRows = (
  id: string,
  attempt: number,
  followUps: readonly NewJobFields[],
  layout: Layout,
): StoredJob[] => followUps.map((job, i) => StoredJob.first(followUpId(id, attempt, i), job, layout));

/** Returns a row whose follow-ups have rows of their own. */
export function withoutFollowUps({ row, layout }: StoredJob): StoredJob {
  const emptied = row.slice();
  emptied[layout.at.follow_ups] = '';
  return new StoredJob(emptied, layout);
}

/** Makes the completions' follow-ups whose rows a crash cut off. */
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

/** Reads the column; undefined if {@link encodeFollowUps} did not make it, but a person. */
export function decodeFollowUps(field: string): NewJobFields[] | undefined {
  try {
    const value: unknown = JSON.parse(field);
    return Array.isArray(value) && value.every(isNewJob) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** True if its fields are safe: a tab or line end would make false rows. */
const isNewJob = (value: unknown): value is NewJobFields =>
  anyColumns.every(
    ({ isGiven, field, accepts }) =>
      !isGiven || accepts((value as Partial<NewJobFields>)[field as keyof NewJobFields]),
  );
