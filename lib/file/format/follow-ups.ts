import type { createHash } from 'node:crypto';
import { dependency } from '../../job/dependency.js';
import { anyColumns, type NewJobFields } from './columns.js';
import type { Layout } from './layout.js';
import { StoredJob } from './stored-job.js';

/**
 * The id of the `index`-th follow-up of one attempt. Derived, not random: whoever makes the job again after a
 * crash makes the same one.
 */
export function followUpId(id: string, attempt: number, index: number): string {
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto', () => require('node:crypto'));
  return crypto.createHash('sha256').update(`${id}:${attempt}:${index}`).digest('hex').slice(0, 16);
}

/** The column of a completion row. */
export const encodeFollowUps = (followUps: readonly NewJobFields[]): string =>
  followUps.length === 0 ? '' : JSON.stringify(followUps);

/** The follow-ups' own rows. */
export const followUpRows = (
  id: string,
  attempt: number,
  followUps: readonly NewJobFields[],
  layout: Layout,
): StoredJob[] => followUps.map((job, i) => StoredJob.first(followUpId(id, attempt, i), job, layout));

/** The follow-ups of completions whose own rows a crash cut off. */
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

/** What the column says; undefined where it is nothing that {@link encodeFollowUps} makes, so a person's. */
export function decodeFollowUps(field: string): NewJobFields[] | undefined {
  try {
    const value: unknown = JSON.parse(field);
    return Array.isArray(value) && value.every(isNewJob) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A tab or a line end in one of its fields would make rows that nobody enqueued. */
const isNewJob = (value: unknown): value is NewJobFields =>
  anyColumns.every(
    ({ isGiven, field, accepts }) =>
      !isGiven || accepts((value as Partial<NewJobFields>)[field as keyof NewJobFields]),
  );
