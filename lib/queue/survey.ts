import { isFinal } from '../job.js';
import { DAY_MS, datedAhead } from '../store/dated-ahead.js';
import type { JobIndex } from '../store/job-index.js';
import type { Liveness } from '../store/owner.js';
import { eachRow } from '../store/rows.js';
import type { Store } from '../store/store.js';
import { number } from '../tsv/row.js';

/** Open jobs that no worker may ever run: what `queue check` tells beyond the figures of all. */
export interface Survey {
  /** Jobs that are not run because a line with their id can't be read. */
  held: number;
  /** Jobs that wait for a time that nobody can have meant; see {@link datedAhead}. */
  ahead: number;
  /** Jobs whose worker is dead, and that no other worker has taken back since. */
  orphaned: number;
}

/**
 * Looks at the open jobs, without the lock.
 *
 * @param patience how long ago, in ms, an orphan was claimed at the least: the next worker takes younger ones back
 */
export async function survey(store: Store, patience: number): Promise<Survey> {
  const index = await store.read('open');
  if (index === undefined) return { held: 0, ahead: 0, orphaned: 0 };
  const now = store.clock.now();
  return {
    held: countHeld(index),
    ahead: countAhead(index, now),
    orphaned: countOrphaned(store, index, now - patience),
  };
}

function countHeld(index: JobIndex): number {
  const slots = index.held().map((id) => index.find(id));
  return slots.filter((slot) => slot !== undefined && !isFinal(index.status(slot))).length;
}

function countAhead(index: JobIndex, now: number): number {
  const { at } = index.file.layout;
  const late: number[] = [];
  for (const slot of index.withStatus('pending')) if (index.runAt(slot) > now + DAY_MS) late.push(slot);
  let count = 0;
  for (const row of eachRow(index, late)) {
    if (row === undefined) continue;
    const ms = (column: number): number => number(row[column], Number.NaN) * 1000;
    const times = { createdAt: ms(at.created_at), startedAt: ms(at.started_at), runAt: ms(at.run_at) };
    if (datedAhead(times, now) !== undefined) count++;
  }
  return count;
}

function countOrphaned(store: Store, index: JobIndex, claimedBefore: number): number {
  const { at } = index.file.layout;
  const known = new Map<string, Liveness>();
  let count = 0;
  for (const row of eachRow(index, [...index.withStatus('processing')])) {
    if (row === undefined || number(row[at.started_at], 0) * 1000 > claimedBefore) continue;
    const owner = row[at.locked_by] ?? '';
    const liveness = known.get(owner) ?? store.processes.liveness(owner);
    known.set(owner, liveness);
    if (owner === '' || liveness === 'dead') count++;
  }
  return count;
}
