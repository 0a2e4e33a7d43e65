import { DEFAULTS } from '../../job/options.js';
import { processWide } from '../../job/process-wide.js';
import type { Column } from '../format/columns.js';
import { number, type Row } from '../format/row.js';
import type { Processes } from '../lock/process-id.js';

/** A job that runs, as far as the rule needs to see it. */
interface Running {
  field(column: number): string;
  number(column: number, otherwise: number): number;
}

/** A row, for the rule. */
export const fieldsOf = (row: Row): Running => ({
  field: (column) => row[column] ?? '',
  number: (column, otherwise) => number(row[column], otherwise),
});

/** Workers of this process that have ended and left claims behind, since they could not write. */
const gone: Set<string> = processWide('gave-up', () => new Set());

/** The claims of this worker may be taken at once, though its process lives: by the next worker of this process. */
export function giveUp(owner: string): void {
  gone.add(owner);
}

/** Whether a worker of this process has given up. */
export const hasGivenUp = (owner: string): boolean => gone.has(owner);

/**
 * Whether a running job is to be taken from its worker: if that is proven dead, at once. Where it can't be judged
 * (another host or container) or lives but has gone silent, only when the job's time limit is long past: twice over,
 * and a minute for the worker to abort the attempt and record it. Time alone, used sooner, runs jobs twice.
 *
 * @param timeout the time limit where neither the claim nor the job says one, in ms
 */
export function isOverdue(
  job: Running,
  at: Readonly<Record<Column, number>>,
  processes: Processes,
  now: number,
  timeout: number,
): boolean {
  const owner = job.field(at.locked_by);
  if (owner !== '' && (gone.has(owner) || processes.liveness(owner) === 'dead')) return true;
  // The claim says it. Of one that an earlier version has made, it is at least what every worker begins with.
  const unsaid = job.number(at.timeout, Math.max(timeout, DEFAULTS.timeout) / 1000);
  const limit = job.number(at.claim_timeout, unsaid) * 1000;
  const since = job.number(at.started_at, job.number(at.run_at, 0)) * 1000;
  return now > since + 2 * limit + 60_000;
}
