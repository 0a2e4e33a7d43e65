import { invalid } from '../../job/checks.js';
import { errorMessage } from '../../job/errors.js';
import type { EnqueueOptions } from '../../job/job-options.js';
import type { OutboxRow, RejectedRow } from '../../job/outbox.js';
import { parseJson } from '../format/parse-json.js';
import type { Wanted } from '../joins/unique.js';
import { checkFields, type NewJobRules } from '../operations/new-job.js';

/** Makes jobs of rows that any program may have written. A row that can't be a job is rejected, with the reason. */
export function readRows(
  rows: readonly OutboxRow[],
  now: number,
  rules: NewJobRules,
): { jobs: Wanted[]; rejected: RejectedRow[] } {
  const jobs: Wanted[] = [];
  const rejected: RejectedRow[] = [];
  for (const row of rows) {
    try {
      jobs.push(jobOf(row, now, rules));
    } catch (error) {
      rejected.push({ seq: row.seq, error: errorMessage(error) });
    }
  }
  return { jobs, rejected };
}

function jobOf(row: OutboxRow, now: number, rules: NewJobRules): Wanted {
  const request = {
    type: row.type as string,
    payload: jsonOf('payload', row.payload),
    options: (jsonOf('options', row.options) ?? {}) as EnqueueOptions,
  };
  const { fields, dedupe } = checkFields(request, createdAt(row.createdAt, now), rules, '');
  // The caller's transaction is over, so that nothing is left that could be refused.
  if (request.options.onDuplicate === 'reject')
    throw invalid('options.onDuplicate', 'reject', "'return', 'replace' or 'update' in an outbox");
  return {
    id: row.jobId,
    fields,
    // The type may have that default.
    dedupe: dedupe?.onDuplicate === 'reject' ? { ...dedupe, onDuplicate: 'return' } : dedupe,
  };
}

/** Parses a column of JSON text; NULL counts as null. @throws TsvqError `INVALID_ARGUMENT` */
function jsonOf(name: string, text: unknown): unknown {
  if (text === null) return null;
  if (typeof text !== 'string') throw invalid(name, text, 'JSON text');
  try {
    return parseJson(text, name);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(name, text, `JSON text: ${error.message}`);
    throw error;
  }
}

/** Returns when a job was asked for, in ms. Another machine's clock may be ahead, which must not delay the job. */
function createdAt(seconds: unknown, now: number): number {
  const value = Number(seconds);
  if (!(value >= 0 && value <= 1e11)) throw invalid('created_at', seconds, 'Unix seconds');
  return Math.min(Math.round(value * 1000), now);
}
