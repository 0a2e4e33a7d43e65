import type { ResolvedWorkerOptions } from '../../job/options.js';
import type { Transaction } from '../commit/transaction.js';
import type { OwnMeta } from '../format/meta.js';
import type { StoredJob } from '../format/stored-job.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';
import { hasGivenUp, isOverdue } from './rescue-rule.js';

/*
 * A poison job, one that kills its worker, must neither loop for ever nor take others with it. A worker holds
 * several claims at a time, and when it dies nobody knows which job it was: so all of them are forgiven the attempt,
 * and each is claimed alone the next time. A death in a lone claim counts, and the job runs out of attempts.
 *
 * Such a death leaves the note of interruptions as it is. It need not count as one: the job runs alone from then on, and
 * is not forgiven again before an attempt has ended otherwise. And many of those jobs were never begun.
 */

const DIED = 'worker died';
/** It may live, and be blocked by one of its jobs. */
const SILENT = 'worker went silent';
/** Nothing that a job has done. */
const GAVE_UP = 'worker could not write, and gave up';

/** What a job notes that may have killed its worker: it is claimed alone the next time. */
export const LONE_META: OwnMeta = { '@lone': true };

/** What a job's error says where its worker died with it; @param others how many other jobs it may have died of */
export const deathText = (attempts: number, others: number, what: string = DIED): string =>
  `${what} during attempt ${attempts}${others > 0 ? `, beside ${others} other jobs (forgiven)` : ''}`;

/** A job taken back. */
export interface Rescued {
  /** The row that takes it back. */
  readonly row: StoredJob;
  readonly id: string;
  readonly type: string;
  /** The attempt that its worker died with. */
  readonly attempt: number;
  readonly error: string;
  /** No attempts are left. */
  readonly failed: boolean;
}

/** Which claims are to be taken back by a worker. */
interface RescueRules {
  /** How it signs its own. */
  readonly owner: string;
  /** Whether it has a handler for a type. */
  readonly handles: (type: string) => boolean;
  /** Whether it knows of a claim of its own; one that it doesn't is taken back too. */
  readonly holds: (id: string) => boolean;
}

/**
 * Rows that take jobs from workers that died, or have been silent for too long; and the types of those that are left,
 * since whoever can't run a job does not know either how many attempts it has. Under the lock.
 */
export function rescueRows(
  store: Store,
  tx: Transaction,
  { owner, handles, holds }: RescueRules,
  options: ResolvedWorkerOptions,
): { rescued: Rescued[]; left: string[] } {
  /** How many jobs each worker has claimed, also those that are not overdue: one of them may be what keeps it. */
  const claims = new Map<string, number>();
  const jobs: StoredJob[] = [];
  const runningHere = jobsRunningHere(store);
  for (const job of tx.running()) {
    const { id, lockedBy: by } = job;
    claims.set(by, (claims.get(by) ?? 0) + 1);
    // A held one least of all: the line that can't be read may be the one that says how it ended.
    if (tx.index.isHeld(id)) continue;
    const isFree =
      by === owner
        ? !holds(id)
        : isOverdue(job, store.processes, tx.now, options.timeout) &&
          // For others it would be free once it is pending, and its handler may not have ended yet.
          !(hasGivenUp(by) && runningHere.has(id));
    if (isFree) jobs.push(job);
  }
  const what = (by: string): string => {
    if (by === owner || hasGivenUp(by)) return GAVE_UP;
    return store.processes.liveness(by) === 'dead' ? DIED : SILENT;
  };
  const rescued: Rescued[] = [];
  const left = new Set<string>();
  for (const job of jobs) {
    const others = (claims.get(job.lockedBy) as number) - 1;
    // One that is forgiven has an attempt left, whatever the limit.
    if (others === 0 && job.maxAttempts === undefined && !handles(job.type)) left.add(job.type);
    else rescued.push(takeBack(job, what(job.lockedBy), others, { now: tx.now, ...options }));
  }
  return { rescued, left: [...left] };
}

function takeBack(
  job: StoredJob,
  what: string,
  others: number,
  { now, maxAttempts }: { now: number; maxAttempts: number },
): Rescued {
  const { id, type, attempts } = job;
  const isSuspect = what !== GAVE_UP;
  // What can't be noted would be forgiven again and again.
  const isForgiven = others > 0 && (!isSuspect || job.canNote(LONE_META));
  const forgiven = job.forgiven + (isForgiven ? 1 : 0);
  const failed = !isForgiven && attempts - forgiven >= (job.maxAttempts ?? maxAttempts);
  const error = `${deathText(attempts, others, what)}; it was ${job.lockedBy || 'unnamed'}`;
  const row = job.next({
    status: failed ? 'failed' : 'pending',
    forgiven,
    error,
    lockedBy: '',
    ...(failed && { finishedAt: now }),
    ...(isSuspect && { meta: LONE_META }),
  });
  return { row, id, type, attempt: attempts, error, failed };
}
