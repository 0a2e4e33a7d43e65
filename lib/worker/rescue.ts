import type { ResolvedWorkerOptions } from '../options.js';
import { eachRow } from '../store/rows.js';
import type { Store } from '../store/store.js';
import { type Draft, draft, type View } from '../store/view.js';
import { type Change, nextRow, number, type Row } from '../tsv/row.js';
import { fieldsOf, hasGivenUp, isOverdue } from './rescue-rule.js';
import { jobsUnderWay } from './under-way.js';

/*
 * A poison job, one that kills its worker, must neither loop for ever nor take others with it. A worker holds
 * several claims at a time, and when it dies nobody knows which job it was: so all of them are forgiven the attempt,
 * and each is claimed alone the next time. A death in a lone claim counts, and the job runs out of attempts.
 */

const DIED = 'worker died';
/** Nothing that a job has done. */
const GAVE_UP = 'worker could not write, and gave up';

/** Whether a job's error says that its last worker died with it. */
export const isDeathText = (error: string): boolean => error.startsWith(DIED);

/** A job taken back. */
export interface Rescued extends Draft {
  readonly type: string;
  /** The attempt that its worker died with. */
  readonly attempt: number;
  readonly error: string;
  /** No attempts are left. */
  readonly failed: boolean;
}

/**
 * Rows that take jobs from workers that died, or have been silent for too long. Under the lock.
 *
 * @param holds whether `owner`, who rescues, knows of a claim of its own; one that it doesn't is taken back too
 */
export function rescueRows(
  store: Store,
  view: View,
  owner: string,
  holds: (id: string) => boolean,
  options: ResolvedWorkerOptions,
): Rescued[] {
  const { at } = view.layout;
  const slots = [...view.index.withStatus('processing')];
  const held = new Map<string, Row[]>();
  const underWay = jobsUnderWay(store);
  for (const row of eachRow(view.index, slots)) {
    // A held one least of all: the line that can't be read may be the one that says how it ended.
    if (row === undefined || view.index.isHeld(row[at.id] as string)) continue;
    const own = row[at.locked_by] === owner;
    if (own && holds(row[at.id] as string)) continue;
    if (!own && !isOverdue(fieldsOf(row), at, store.processes, view.now, options.timeout)) continue;
    const by = row[at.locked_by] as string;
    // For others it would be free once it is pending, and its handler may not have ended yet.
    if (hasGivenUp(by) && underWay.has(row[at.id] as string)) continue;
    const rows = held.get(by);
    if (rows === undefined) held.set(by, [row]);
    else rows.push(row);
  }
  return [...held.values()].flatMap((rows) =>
    rows
      // What an earlier operation of this commit has moved on is not ours any more.
      .filter((row) => String(view.state(row[at.id] as string)?.version) === row[at.version])
      .map((row) => takeBack(row, rows.length - 1, view, options.maxAttempts)),
  );
}

function takeBack(row: Row, others: number, view: View, maxAttempts: number): Rescued {
  const { at } = view.layout;
  const attempts = number(row[at.attempts], 0);
  const forgiven = number(row[at.forgiven], 0) + (others > 0 ? 1 : 0);
  const limit = number(row[at.max_attempts], maxAttempts);
  const failed = attempts - forgiven >= limit;
  const by = row[at.locked_by] as string;
  const what = hasGivenUp(by) ? GAVE_UP : DIED;
  const error = `${what} during attempt ${attempts}${others > 0 ? `, beside ${others} other jobs (forgiven)` : ''}; it was ${by || 'unnamed'}`;
  const change: Change = { status: failed ? 'failed' : 'pending', forgiven, error, lockedBy: '' };
  if (failed) change.finishedAt = view.now;
  const rescue = draft(row[at.id] as string, nextRow(row, change, view.layout));
  return { ...rescue, type: row[at.type] as string, attempt: attempts, error, failed };
}
