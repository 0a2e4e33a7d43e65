import { type Duration, duration, invalid, onlyKnown, text } from '../../job/checks.js';
import { TsvqError } from '../../job/errors.js';
import { STATUSES, type Status } from '../../job/job.js';
import { canLeaveYoung, isPurged, isTooYoung, type Purge } from '../compaction/purge.js';
import type { Store } from '../store.js';
import { list } from './list.js';

/** The states of jobs that a purge may take out. */
export type PurgeableStatus = Extract<Status, 'completed' | 'failed' | 'cancelled' | 'pending'>;

/** Options of {@link Queue.purge}. */
export interface PurgeOptions<Type extends string = string> {
  /** Only jobs in this state, or one of these. Default: `completed`, `failed` and `cancelled`. */
  status?: PurgeableStatus | readonly PurgeableStatus[] | undefined;
  /** Only jobs of this type. Default: all types. */
  type?: Type | undefined;
  /** Only the jobs with these ids. Default: any. */
  ids?: readonly string[] | undefined;
  /** Only jobs that ended at least so long ago; pending ones that were added so long ago. Default: 0. */
  olderThan?: Duration | undefined;
}

/** All of them. */
export const PURGEABLE: readonly PurgeableStatus[] = ['completed', 'failed', 'cancelled', 'pending'];
/** The states of finished jobs: the default of a purge. */
export const FINAL: readonly PurgeableStatus[] = ['completed', 'failed', 'cancelled'];

/** Takes jobs out of the file for good, by a compaction. The archive stays. */
export async function purge(store: Store, options: PurgeOptions = {}): Promise<{ purged: number }> {
  const checked = checkPurge(options);
  if (store.openFile() === undefined) return { purged: 0 };
  const { dropped } = await store.compact(checked);
  return { purged: dropped };
}

/** How many jobs fit a purge. */
export interface PurgeCounts {
  /** Jobs that {@link purge} would take out now. */
  readonly purgeable: number;
  /** Finished jobs that it would leave only because they ended less than a minute ago. */
  readonly tooYoung: number;
}

/** Counts the jobs that fit a purge. */
export async function countPurgeable(store: Store, options: PurgeOptions): Promise<PurgeCounts> {
  const checked = checkPurge(options);
  const { statuses: status, type } = checked;
  const now = store.clock.now();
  const index = await store.read('all');
  let [purgeable, tooYoung] = [0, 0];
  for await (const job of list(store, { status, type })) {
    const [createdAt, finishedAt] = [job.createdAt.getTime(), job.finishedAt?.getTime() ?? Number.NaN];
    if (index?.isHeld(job.id) || checked.ids?.has(job.id) === false) continue;
    if (isPurged(checked, { ...job, createdAt, finishedAt }, now)) purgeable++;
    else if (isTooYoung(checked, finishedAt, now)) tooYoung++;
  }
  return { purgeable, tooYoung };
}

/** Counts the finished jobs that a purge has left only because they are too young. Looks at no job if there are none. */
export async function countTooYoung(store: Store, options: PurgeOptions): Promise<number> {
  return canLeaveYoung(checkPurge(options)) ? (await countPurgeable(store, options)).tooYoung : 0;
}

function checkPurge(options: PurgeOptions): Purge {
  onlyKnown('options', options, ['status', 'type', 'ids', 'olderThan']);
  const { status = FINAL, type, ids, olderThan = 0 } = options;
  const statuses: readonly Status[] = [...new Set([status].flat())];
  for (const word of statuses) {
    if ((PURGEABLE as readonly Status[]).includes(word)) continue;
    if (!STATUSES.includes(word)) throw invalid('status', word, `one of ${PURGEABLE.join(', ')}`);
    const what = word === 'recurring' ? 'schedules' : `${word} jobs`;
    throw new TsvqError(
      'INVALID_ARGUMENT',
      `status is ${JSON.stringify(word)}, and ${what} can't be purged; cancel them first`,
    );
  }
  if (statuses.length === 0) throw invalid('status', status, `at least one of ${PURGEABLE.join(', ')}`);
  if (type !== undefined) text('type', type);
  if (ids !== undefined && !Array.isArray(ids)) throw invalid('ids', ids, 'an array of ids');
  for (const [i, id] of (ids ?? []).entries()) text(`ids[${i}]`, id);
  return { statuses, type, ids: ids && new Set(ids), olderThan: duration('olderThan', olderThan) };
}
