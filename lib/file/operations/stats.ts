import type { Status } from '../../job/job.js';
import { crowdedOutLately, readHeartbeat } from '../disk/heartbeat.js';
import { dismissedIn } from '../index/dismissed.js';
import { readSealedCounts } from '../index/sealed-counts.js';
import type { Store } from '../store.js';
import { readUsedRates, type UsedRate } from './rate-limits.js';

/** The state of a queue in figures. */
export interface Stats extends TypeStats {
  /** Absolute path of the file. */
  file: string;
  /** The number of jobs in the file, in all states; the archive is not counted. */
  total: number;
  /** The counts of each job type. */
  types: Record<string, TypeStats>;
  /** When a worker last looked at the queue; undefined if never. */
  lastTick: Date | undefined;
  /** Types of due jobs for which the last worker had no handler. */
  unhandled: string[];
  /** When a worker left due jobs because `maxWorkers` others were at work; undefined if not in the last 90 seconds. */
  crowdedOutAt: Date | undefined;
  /** The types whose rate is used up, wholly or in part, because jobs of them have started lately; by type. */
  rateLimits: UsedRate[];
  /** The number of unreadable lines, which don't count as jobs. `queue doctor` shows them. */
  unreadable: number;
  /** The size of the file. */
  bytes: number;
}

/** The number of jobs in each state, of one type or of all. */
export interface TypeStats {
  pending: number;
  /** Pending jobs whose time has come. */
  due: number;
  processing: number;
  completed: number;
  failed: number;
  /** Failed jobs that an operator has dismissed; `failed` counts them, too. */
  dismissed: number;
  cancelled: number;
  /** Jobs that wait for other jobs. */
  waiting: number;
  /** How many seconds the oldest due job has waited; 0 if none is due. */
  oldestDueSeconds: number;
}

const none = (): TypeStats => ({
  pending: 0,
  due: 0,
  processing: 0,
  completed: 0,
  failed: 0,
  dismissed: 0,
  cancelled: 0,
  waiting: 0,
  oldestDueSeconds: 0,
});

/**
 * Counts jobs after reading new rows, without the lock. The sealed part is counted once for each file, so
 * the index need not know its rows.
 */
export async function gatherStats(store: Store): Promise<Stats> {
  const { index, sealed } = (await readSealedCounts(store)) ?? {};
  const tick = readHeartbeat(store.fs, store.realPath);
  const types = new Map<string, TypeStats>();
  const all = none();
  const now = store.clock.now();
  let total = 0;
  const add = (type: string, status: Status, waitingMs: number, count = 1): void => {
    // A schedule is not a job.
    if (status === 'recurring') return;
    total += count;
    let stats = types.get(type);
    if (stats === undefined) {
      stats = none();
      types.set(type, stats);
    }
    for (const each of [stats, all]) {
      each[status] += count;
      if (waitingMs < 0) continue;
      each.due++;
      each.oldestDueSeconds = Math.max(each.oldestDueSeconds, waitingMs / 1000);
    }
  };
  /** Counts failed jobs as dismissed, too. */
  const addDismissed = (type: string, count: number): void => {
    for (const each of [types.get(type), all]) if (each !== undefined) each.dismissed += count;
  };
  if (index !== undefined) {
    for (let slot = 0; slot < index.size; slot++) {
      if (index.forgotten.has(slot)) continue;
      const status = index.status(slot);
      add(index.type(slot), status, status === 'pending' ? now - index.runAt(slot) : -1);
    }
    for (const slot of dismissedIn(index)) if (!index.forgotten.has(slot)) addDismissed(index.type(slot), 1);
  }
  for (const [type, { dismissed, ...counts }] of sealed ?? []) {
    for (const [status, count] of Object.entries(counts) as [Status, number][]) {
      if (count > 0) add(type, status, -1, count);
    }
    addDismissed(type, dismissed);
  }
  const crowdedOutAt = all.due > 0 ? crowdedOutLately(tick, now) : undefined;
  return {
    file: store.path,
    total,
    ...all,
    types: Object.fromEntries(types),
    lastTick: tick && new Date(tick.at),
    // Another worker with the handler may have run the jobs since.
    unhandled: tick?.unhandled.filter((type) => (types.get(type)?.due ?? 0) > 0) ?? [],
    crowdedOutAt: crowdedOutAt === undefined ? undefined : new Date(crowdedOutAt),
    rateLimits: await readUsedRates(store),
    unreadable: (await index?.unreadable.count(index.file)) ?? 0,
    bytes: index?.file.size ?? 0,
  };
}
