import type { Status } from '../job.js';
import type { Store } from '../store/store.js';
import { readTick } from '../store/tick.js';

/** The state of a queue, in figures. */
export interface Stats {
  /** Absolute path of the file. */
  file: string;
  /** Jobs in the file, all states together; the archive is not counted. */
  total: number;
  pending: number;
  /** Of the pending ones, those whose time has come. */
  due: number;
  processing: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Seconds for which the oldest due job has been waiting; 0 if none is due. */
  oldestDueSeconds: number;
  /** The same by job type. */
  types: Record<string, TypeStats>;
  /** When a worker last looked; undefined if never. */
  lastTick: Date | undefined;
  /** Types of due jobs for which the last worker had no handler. */
  unhandled: string[];
  /** Size of the file. */
  bytes: number;
}

/** {@link Stats} of one job type. */
export interface TypeStats {
  pending: number;
  due: number;
  processing: number;
  completed: number;
  failed: number;
  cancelled: number;
  oldestDueSeconds: number;
}

const none = (): TypeStats => ({
  pending: 0,
  due: 0,
  processing: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
  oldestDueSeconds: 0,
});

/** Reads what is new in the file, without the lock. */
export async function gatherStats(store: Store): Promise<Stats> {
  const index = await store.read('all');
  const tick = readTick(store.fs, store.realPath);
  const types = new Map<string, TypeStats>();
  const all = none();
  const now = store.clock.now();
  const size = index?.size ?? 0;
  for (let slot = 0; index !== undefined && slot < size; slot++) {
    const type = index.type(slot);
    const status = index.status(slot);
    const waiting = status === 'pending' ? now - index.runAt(slot) : -1;
    let stats = types.get(type);
    if (stats === undefined) {
      stats = none();
      types.set(type, stats);
    }
    add(stats, status, waiting);
    add(all, status, waiting);
  }
  return {
    file: store.path,
    total: size,
    ...all,
    types: Object.fromEntries(types),
    lastTick: tick && new Date(tick.at),
    unhandled: tick?.unhandled ?? [],
    bytes: index?.file.size ?? 0,
  };
}

function add(stats: TypeStats, status: Status, waitingMs: number): void {
  stats[status]++;
  if (waitingMs < 0) return;
  stats.due++;
  stats.oldestDueSeconds = Math.max(stats.oldestDueSeconds, waitingMs / 1000);
}
