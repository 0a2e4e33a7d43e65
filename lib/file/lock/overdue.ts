import { DEFAULTS } from '../../job/options.js';
import { processWide } from '../../job/process-wide.js';
import type { Column, JobFields } from '../format/columns.js';
import type { LineReader } from '../format/line.js';
import type { Processes } from './process-id.js';

/** The fields of a running job that the rule needs. */
type Claim = Pick<JobFields, 'lockedBy' | 'startedAt' | 'runAt' | 'timeout' | 'claimTimeout'>;

/** Returns the claim in the row read last. */
export function claimIn(reader: LineReader, at: Readonly<Record<Column, number>>): Claim {
  const ms = (column: number): number | undefined => {
    const value = reader.number(column, Number.NaN);
    return Number.isNaN(value) ? undefined : value * 1000;
  };
  return {
    lockedBy: reader.field(at.locked_by),
    startedAt: ms(at.started_at),
    runAt: ms(at.run_at) ?? 0,
    timeout: ms(at.timeout),
    claimTimeout: ms(at.claim_timeout),
  };
}

/** The ended workers of this process that left claims in the file because they could not write. */
const gone: Set<string> = processWide('gave-up', () => new Set());

/** Lets the next worker of this process take this worker's claims at once, although the process lives. */
export function giveUp(owner: string): void {
  gone.add(owner);
}

/** True if a worker of this process gave up. */
export const hasGivenUp = (owner: string): boolean => gone.has(owner);

/**
 * True if another worker may take the running job. If its worker is proven dead, at once. If it can't be
 * judged (another host or container) or lives but is silent, only long after the job's time limit: twice the
 * limit, and a minute for the worker to abort and record the attempt. Less time would run jobs twice.
 *
 * @param timeout the time limit if neither the claim nor the job has one, in ms
 */
export function isOverdue(claim: Claim, processes: Processes, now: number, timeout: number): boolean {
  const { lockedBy } = claim;
  if (lockedBy !== '' && (gone.has(lockedBy) || processes.liveness(lockedBy) === 'dead')) return true;
  return now > overdueAt(claim, timeout);
}

/** Returns when another worker may take a running job whose worker is not proven dead, in ms; see {@link isOverdue}. */
export function overdueAt({ startedAt, runAt, timeout: own, claimTimeout }: Claim, timeout: number): number {
  // The claim names the limit, except a claim of an earlier version of the package. Then it is at least the default.
  const limit = claimTimeout ?? own ?? Math.max(timeout, DEFAULTS.timeout);
  return (startedAt ?? runAt) + 2 * limit + 60_000;
}
