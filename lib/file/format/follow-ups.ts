import type { createHash } from 'node:crypto';
import { dependency } from '../../job/dependency.js';
import { anyColumns, type NewJobFields } from './columns.js';
import { keyName } from './key-name.js';
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

/** A follow-up as in its parent's row; null for one that was not added, because its key was held. */
export type FollowUp = NewJobFields | null;

/** Returns the field `follow_ups` of a completion row. */
export const encodeFollowUps = (followUps: readonly FollowUp[]): string =>
  followUps.every((job) => job === null) ? '' : JSON.stringify(followUps);

/** Makes the first row of each follow-up of an attempt. */
export const followUpRows = (
  id: string,
  attempt: number,
  followUps: readonly FollowUp[],
  layout: Layout,
): StoredJob[] =>
  followUps.flatMap((job, i) =>
    job === null ? [] : [StoredJob.first(followUpId(id, attempt, i), job, layout)],
  );

/** Returns a completion row with `follow_ups` empty, because the follow-ups have rows of their own. */
export function withoutFollowUps({ row, layout }: StoredJob): StoredJob {
  const emptied = row.slice();
  emptied[layout.at.follow_ups] = '';
  return new StoredJob(emptied, layout);
}

/** The jobs of a file, by id and by key: an index. */
interface Jobs {
  find(id: string): unknown;
  readonly joins: { hasOpen(type: string, key: string): boolean };
}

/**
 * Makes the rows of follow-ups that a crash cut off from their parents' completion rows. One whose key is held by now
 * is left out, because its type is to have at most one such job.
 */
export function missingFollowUps(completions: readonly StoredJob[], jobs: Jobs): StoredJob[] {
  const made = new Set<string>();
  return completions.flatMap(({ id, attempts, followUps, layout }) =>
    followUpRows(id, attempts, decodeFollowUps(followUps) ?? [], layout).filter((followUp) => {
      const { type, dedupeKey } = followUp;
      const name = keyName(type, dedupeKey);
      const isTaken = dedupeKey !== '' && (made.has(name) || jobs.joins.hasOpen(type, dedupeKey));
      const isMissing = !isTaken && jobs.find(followUp.id) === undefined;
      if (isMissing && dedupeKey !== '') made.add(name);
      return isMissing;
    }),
  );
}

/** Reads the field `follow_ups`. Returns undefined if the field is empty, or damaged by an edit. */
export function decodeFollowUps(field: string): FollowUp[] | undefined {
  try {
    const value: unknown = JSON.parse(field);
    return Array.isArray(value) && value.every((job) => job === null || isNewJob(job)) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** True if the value is a job whose values are safe, because a tab or line end in one would make false rows. */
const isNewJob = (value: unknown): value is NewJobFields =>
  anyColumns.every(({ given, field, accepts }) => {
    const own = (value as Partial<NewJobFields>)[field as keyof NewJobFields];
    return given === false || (given === 'sometimes' && own === undefined) || accepts(own);
  });
