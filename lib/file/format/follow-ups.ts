import type { createHash } from 'node:crypto';
import { dependency } from '../../job/dependency.js';
import type { Layout } from './columns.js';
import { type NewJobRow, newRow, number, type Row } from './row.js';
import { isName } from './text.js';

/**
 * The id of the `index`-th follow-up of one attempt. Derived, not random: whoever makes the job again after a
 * crash makes the same one.
 */
export function followUpId(id: string, attempt: number, index: number): string {
  const crypto = dependency<{ createHash: typeof createHash }>('node:crypto', () => require('node:crypto'));
  return crypto.createHash('sha256').update(`${id}:${attempt}:${index}`).digest('hex').slice(0, 16);
}

/** The column of a completion row. */
export const encodeFollowUps = (followUps: readonly NewJobRow[]): string =>
  followUps.length === 0 ? '' : JSON.stringify(followUps);

/** The follow-ups' own rows. */
export const followUpRows = (
  id: string,
  attempt: number,
  followUps: readonly NewJobRow[],
  layout: Layout,
): Row[] => followUps.map((job, i) => newRow(followUpId(id, attempt, i), job, layout));

/** The follow-ups of completions whose own rows a crash cut off. */
export function missingFollowUps(
  completions: readonly Row[],
  jobs: { find(id: string): unknown },
  layout: Layout,
): Row[] {
  const { at } = layout;
  return completions.flatMap((row) => {
    const followUps = decodeFollowUps(row[at.follow_ups] as string) ?? [];
    const rows = followUpRows(row[at.id] as string, number(row[at.attempts], 0), followUps, layout);
    return rows.filter((followUp) => jobs.find(followUp[at.id] as string) === undefined);
  });
}

/** What the column says; undefined where it is nothing that {@link encodeFollowUps} makes, so a person's. */
export function decodeFollowUps(field: string): NewJobRow[] | undefined {
  try {
    const value: unknown = JSON.parse(field);
    return Array.isArray(value) && value.every(isNewJob) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A tab or a line end in one of its fields would make rows that nobody enqueued. */
function isNewJob(value: unknown): value is NewJobRow {
  const { type, payload, createdAt, runAt, priority, maxAttempts, timeout } = value as Partial<NewJobRow>;
  return (
    isName(type) &&
    typeof payload === 'string' &&
    !/[\t\n\r\0]/.test(payload) &&
    [createdAt, runAt, priority].every(Number.isFinite) &&
    [maxAttempts, timeout].every((number) => number === undefined || Number.isFinite(number))
  );
}
