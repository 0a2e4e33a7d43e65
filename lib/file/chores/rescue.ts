import type { Transaction } from '../commit/transaction.js';
import { encodeFollowUps, followUpRows } from '../format/follow-ups.js';
import type { OwnMeta } from '../format/meta.js';
import type { StoredJob } from '../format/stored-job.js';
import { hasGivenUp, isOverdue } from '../lock/overdue.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { NewJobRules } from '../operations/new-job.js';
import type { Store } from '../store.js';
import { failureJobOf } from './failure-job.js';

/*
 * A poison job, one that kills its worker, must neither loop without end nor harm other jobs. A worker has
 * several claims at a time, and its death doesn't show which job caused it. So all of them are forgiven the
 * attempt, and each is claimed alone the next time. A death in a lone claim counts, so attempts run out.
 *
 * A death doesn't change the note of interruptions. It need not count as one, because the job then runs alone,
 * and is not forgiven again before an attempt ends otherwise. And many of the claimed jobs never began.
 */

const DIED = 'worker died';
/** The text for a worker that may live, blocked by a job. */
const SILENT = 'worker went silent';
/** The text for a failure that no job caused. */
const GAVE_UP = 'worker could not write, and gave up';

/** The note of a job that may have killed its worker. The job is claimed alone next. */
export const LONE_META: OwnMeta = { '@lone': true };

/** Returns a job's error after its worker died. @param others how many other jobs may have caused it */
export const deathText = (attempts: number, others: number, what: string = DIED): string =>
  `${what} during attempt ${attempts}${others > 0 ? `, beside ${others} other jobs (forgiven)` : ''}`;

/** A rescued job. */
export interface Rescued {
  /** The row that rescues it, then that of the job that tells of its failure. */
  readonly rows: readonly [StoredJob, ...StoredJob[]];
  readonly id: string;
  readonly type: string;
  /** The attempt during which its worker died. */
  readonly attempt: number;
  readonly error: string;
  /** True if no attempts are left. */
  readonly failed: boolean;
}

/** What a rescue needs to know of types of jobs. */
interface KnownTypes {
  readonly fallback: { readonly timeout: number };
  /** True if the limits of the type are known. */
  has(type: string): boolean;
  policyOf(type: string): { readonly maxAttempts: number; readonly failureJob: string | undefined };
}

/** The rules by which a worker rescues jobs. */
interface RescueRules {
  /** The worker's name in its claims. */
  readonly owner: string;
  /** The types that the worker has a handler for. */
  readonly types: KnownTypes;
  /** True if the worker knows its claim on this job. Its unknown claims are taken back, too. */
  readonly holds: (id: string) => boolean;
}

/**
 * Makes rows that take jobs from workers that died or were silent too long. Returns also the types of jobs
 * in `left`: a worker without their handler doesn't know the attempt limit. Called under the lock.
 */
export function rescueRows(
  store: Store,
  tx: Transaction,
  { owner, types, holds }: RescueRules,
): { rescued: Rescued[]; left: string[] } {
  /** How many jobs each worker claimed, including jobs that are not overdue, because one of them may block it. */
  const claims = new Map<string, number>();
  const jobs: StoredJob[] = [];
  const runningHere = jobsRunningHere(store);
  for (const job of tx.running()) {
    const { id, lockedBy: by } = job;
    claims.set(by, (claims.get(by) ?? 0) + 1);
    // A held job is never taken, because the unreadable line may say how it ended.
    if (tx.index.isHeld(id)) continue;
    const isFree =
      by === owner
        ? !holds(id)
        : isOverdue(job, store.processes, tx.now, types.fallback.timeout) &&
          // Any worker could claim the job once it is pending, but its handler may still run here.
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
    // If it is forgiven, the job has an attempt left, whatever the limit.
    if (others === 0 && job.maxAttempts === undefined && !types.has(job.type)) left.add(job.type);
    else {
      const rules = { ...types.policyOf(job.type), now: tx.now, newJob: store.options };
      rescued.push(takeBack(job, what(job.lockedBy), others, rules));
    }
  }
  return { rescued, left: [...left] };
}

/** What is the same for all jobs of a rescue. */
interface AtRescue {
  readonly now: number;
  readonly newJob: NewJobRules;
}

function takeBack(
  job: StoredJob,
  what: string,
  others: number,
  { now, maxAttempts, failureJob, newJob }: ReturnType<KnownTypes['policyOf']> & AtRescue,
): Rescued {
  const { id, type, attempts } = job;
  const isSuspect = what !== GAVE_UP;
  // Without the note, the job would be forgiven again and again.
  const isForgiven = others > 0 && (!isSuspect || job.canNote(LONE_META));
  const forgiven = job.forgiven + (isForgiven ? 1 : 0);
  const failed = !isForgiven && attempts - forgiven >= (job.maxAttempts ?? maxAttempts);
  const error = `${deathText(attempts, others, what)}; it was ${job.lockedBy || 'unnamed'}`;
  const followUps = failed ? failureJobOf(job, failureJob, { error, now, rules: newJob }) : [];
  const row = job.next({
    status: failed ? 'failed' : 'pending',
    forgiven,
    error,
    lockedBy: '',
    ...(failed && { finishedAt: now }),
    ...(isSuspect && { meta: LONE_META }),
    ...(failed && { followUps: encodeFollowUps(followUps) }),
  });
  const rows = [row, ...followUpRows(id, attempts, followUps, job.layout)] as const;
  return { rows, id, type, attempt: attempts, error, failed };
}
