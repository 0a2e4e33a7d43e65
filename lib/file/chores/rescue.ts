import type { ResolvedWorkerOptions } from '../../job/options.js';
import { type Draft, draft, type View } from '../commit/view.js';
import { type Change, nextRow, number, type Row } from '../format/row.js';
import { eachRow } from '../index/rows.js';
import { jobsRunningHere } from '../lock/running-here.js';
import type { Store } from '../store.js';
import { fieldsOf, hasGivenUp, isOverdue } from './rescue-rule.js';

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

/** Whether a job's error says that its last worker died with it, or went silent. */
export const isDeathText = (error: string): boolean => error.startsWith(DIED) || error.startsWith(SILENT);

/** What a job's error says where its worker died with it; @param others how many other jobs it may have died of */
export const deathText = (attempts: number, others: number, what: string = DIED): string =>
  `${what} during attempt ${attempts}${others > 0 ? `, beside ${others} other jobs (forgiven)` : ''}`;

/** A job taken back. */
export interface Rescued extends Draft {
  readonly type: string;
  /** The attempt that its worker died with. */
  readonly attempt: number;
  readonly error: string;
  /** No attempts are left. */
  readonly failed: boolean;
}

/** Which claims are to be taken back by a worker. */
interface RescueRules {
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
  view: View,
  owner: string,
  { handles, holds }: RescueRules,
  options: ResolvedWorkerOptions,
): { rescued: Rescued[]; left: string[] } {
  const { at } = view.layout;
  /** How many jobs each worker has claimed, also those that are not overdue: one of them may be what keeps it. */
  const claims = new Map<string, number>();
  const rows: Row[] = [];
  const runningHere = jobsRunningHere(store);
  for (const row of eachRow(view.index, [...view.index.withStatus('processing')])) {
    if (row === undefined) continue;
    const id = row[at.id] as string;
    const by = row[at.locked_by] as string;
    claims.set(by, (claims.get(by) ?? 0) + 1);
    // A held one least of all: the line that can't be read may be the one that says how it ended.
    if (view.index.isHeld(id)) continue;
    const isFree =
      by === owner
        ? !holds(id)
        : isOverdue(fieldsOf(row), at, store.processes, view.now, options.timeout) &&
          // For others it would be free once it is pending, and its handler may not have ended yet.
          !(hasGivenUp(by) && runningHere.has(id));
    // What an earlier operation of this commit has moved on is not ours any more.
    if (isFree && String(view.state(id)?.version) === row[at.version]) rows.push(row);
  }
  const what = (by: string): string => {
    if (by === owner || hasGivenUp(by)) return GAVE_UP;
    return store.processes.liveness(by) === 'dead' ? DIED : SILENT;
  };
  const rescued: Rescued[] = [];
  const left = new Set<string>();
  for (const row of rows) {
    const by = row[at.locked_by] as string;
    const type = row[at.type] as string;
    const others = (claims.get(by) as number) - 1;
    // One that is forgiven has an attempt left, whatever the limit.
    if (others === 0 && !row[at.max_attempts] && !handles(type)) left.add(type);
    else rescued.push(takeBack(row, what(by), others, view, options.maxAttempts));
  }
  return { rescued, left: [...left] };
}

function takeBack(row: Row, what: string, others: number, view: View, maxAttempts: number): Rescued {
  const { at } = view.layout;
  const attempts = number(row[at.attempts], 0);
  const forgiven = number(row[at.forgiven], 0) + (others > 0 ? 1 : 0);
  const limit = number(row[at.max_attempts], maxAttempts);
  const failed = others === 0 && attempts - forgiven >= limit;
  const by = row[at.locked_by] || 'unnamed';
  const error = `${deathText(attempts, others, what)}; it was ${by}`;
  const change: Change = { status: failed ? 'failed' : 'pending', forgiven, error, lockedBy: '' };
  if (failed) change.finishedAt = view.now;
  const rescue = draft(row[at.id] as string, nextRow(row, change, view.layout));
  return { ...rescue, type: row[at.type] as string, attempt: attempts, error, failed };
}
