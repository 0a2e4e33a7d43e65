import { errorMessage } from '../job/errors.js';
import { MOST_TAKEN, type OutboxRow } from '../job/outbox.js';

/* What the tables of all databases share. */

type Row = Readonly<Record<string, unknown>>;

/** Returns the numbers of the first rows whose payloads fit into memory together; at least one. */
export function upToLength(rows: readonly Row[]): unknown[] {
  let length = 0;
  const end = rows.findIndex((row, i) => {
    length += Number(row.length);
    return i > 0 && length > MOST_TAKEN.length;
  });
  return (end < 0 ? rows : rows.slice(0, end)).map(({ seq }) => seq);
}

export const outboxRow = (row: Row, isDoubtful: boolean): OutboxRow => ({
  seq: row.seq,
  type: row.type,
  payload: row.payload,
  options: row.options,
  createdAt: row.created_at,
  jobId: String(row.job_id),
  isDoubtful,
});

/** Says what to do about a table that isn't there. */
export const noTable = (cause: unknown): Error =>
  new Error(`${errorMessage(cause)}; make it by outbox.create(), or with the SQL in docs/outbox.md`, {
    cause,
  });
