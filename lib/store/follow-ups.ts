import type { createHash } from 'node:crypto';
import { dependency } from '../dependency.js';
import type { Layout } from '../tsv/columns.js';
import { newRow, number, type Row } from '../tsv/row.js';
import type { JobIndex } from './job-index.js';

/**
 * A job that a handler enqueued, as the completion that brings it about carries it. Times in ms; the payload is
 * JSON text.
 */
export interface FollowUp {
  type: string;
  payload: string;
  createdAt: number;
  runAt: number;
  priority: number;
  maxAttempts?: number | undefined;
  timeout?: number | undefined;
}

/**
 * The id of the `index`-th follow-up of one attempt. Derived, not random: whoever makes the job again after a
 * crash makes the same one.
 */
export function followUpId(id: string, attempt: number, index: number): string {
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto');
  return crypto.createHash('sha256').update(`${id}:${attempt}:${index}`).digest('hex').slice(0, 16);
}

/** The column of a completion row. */
export const encodeFollowUps = (followUps: readonly FollowUp[]): string =>
  followUps.length === 0 ? '' : JSON.stringify(followUps);

/** The follow-ups' own rows. */
export const followUpRows = (
  id: string,
  attempt: number,
  followUps: readonly FollowUp[],
  layout: Layout,
): Row[] =>
  followUps.map(({ maxAttempts, timeout, ...job }, i) =>
    newRow({ ...job, id: followUpId(id, attempt, i), maxAttempts, timeout }, layout),
  );

/** The follow-ups of completions whose own rows a crash cut off. */
export function missingFollowUps(completions: readonly Row[], index: JobIndex, layout: Layout): Row[] {
  const { at } = layout;
  return completions.flatMap((row) => {
    const followUps = decode(row[at.follow_ups] as string);
    const rows = followUpRows(row[at.id] as string, number(row[at.attempts], 0), followUps, layout);
    return rows.filter((followUp) => index.find(followUp[at.id] as string) === undefined);
  });
}

function decode(field: string): FollowUp[] {
  try {
    const value: unknown = JSON.parse(field);
    return Array.isArray(value) ? value.filter((job) => typeof job?.type === 'string') : [];
  } catch {
    return [];
  }
}
