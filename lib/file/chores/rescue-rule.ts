import { DEFAULTS } from '../../job/options.js';
import { processWide } from '../../job/process-wide.js';
import type { Column, JobFields } from '../format/columns.js';
import type { LineReader } from '../format/line.js';
import type { Processes } from '../lock/process-id.js';

/** What the rule needs to know of a running job. */
type Claim = Pick<JobFields, 'lockedBy' | 'startedAt' | 'runAt' | 'timeout' | 'claimTimeout'>;

/** The claim in a row that a reader has read last. */
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
  { lockedBy, startedAt, runAt, timeout: own, claimTimeout }: Claim,
  processes: Processes,
  now: number,
  timeout: number,
): boolean {
  if (lockedBy !== '' && (gone.has(lockedBy) || processes.liveness(lockedBy) === 'dead')) return true;
  // The claim says it. Of one that an earlier version has made, it is at least what every worker begins with.
  const limit = claimTimeout ?? own ?? Math.max(timeout, DEFAULTS.timeout);
  return now > (startedAt ?? runAt) + 2 * limit + 60_000;
}
