import { anyColumns, type NewJobFields } from './columns.js';
import { followUpId } from './derived-id.js';
import { isOurId } from './id.js';
import { isScheduleKey, keyName } from './key-name.js';
import type { Layout } from './layout.js';
import { StoredJob } from './stored-job.js';

/** A job of a schedule as in the schedule's row, with its id. */
export interface SlotJob extends NewJobFields {
  readonly id: string;
}

/** A job as in the row that carries it; null for a follow-up that was not added, because its key was held. */
export type FollowUp = NewJobFields | SlotJob | null;

/** Returns the field `follow_ups` of a row that carries jobs. */
export const encodeFollowUps = (followUps: readonly FollowUp[]): string =>
  followUps.every((job) => job === null) ? '' : JSON.stringify(followUps);

/** Makes the first row of each job that a row carries. @param attempt the number of attempts in that row */
export const followUpRows = (
  id: string,
  attempt: number,
  followUps: readonly FollowUp[],
  layout: Layout,
): StoredJob[] =>
  followUps.flatMap((job, i) =>
    job === null ? [] : [StoredJob.first(ownId(job) ?? followUpId(id, attempt, i), job, layout)],
  );

const ownId = (job: NewJobFields | SlotJob): string | undefined => ('id' in job ? job.id : undefined);

/** Returns a row with `follow_ups` empty, because the jobs that it carries have rows of their own. */
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
 * Makes the rows of jobs that a crash cut off from the rows that carry them. A follow-up whose key is held by now is
 * left out, because its type is to have at most one such job. A schedule's job is not, because its slot was decided.
 */
export function missingFollowUps(carriers: readonly StoredJob[], jobs: Jobs): StoredJob[] {
  const made = new Set<string>();
  return carriers.flatMap(({ id, attempts, followUps, layout }) =>
    followUpRows(id, attempts, decodeFollowUps(followUps) ?? [], layout).filter((followUp) => {
      const { type, dedupeKey } = followUp;
      if (jobs.find(followUp.id) !== undefined) return false;
      if (dedupeKey === '' || isScheduleKey(dedupeKey)) return true;
      const name = keyName(type, dedupeKey);
      if (made.has(name) || jobs.joins.hasOpen(type, dedupeKey)) return false;
      made.add(name);
      return true;
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
const isNewJob = (value: unknown): value is NewJobFields | SlotJob =>
  isOurId((value as Partial<SlotJob> | null)?.id ?? '0000000000000000') &&
  anyColumns.every(({ given, field, accepts }) => {
    const own = (value as Partial<NewJobFields>)[field as keyof NewJobFields];
    return given === false || (given === 'sometimes' && own === undefined) || accepts(own);
  });
