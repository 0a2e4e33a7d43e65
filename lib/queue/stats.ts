import type { Status } from '../job.js';
import type { Store } from '../store/store.js';
import { readTick } from '../store/tick.js';
import { LineReader } from '../tsv/line.js';

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

/** Reads the whole file once, without the lock. */
export async function gatherStats(store: Store): Promise<Stats> {
  const index = await store.read('all');
  const tick = readTick(store.fs, store.realPath);
  const types = new Map<string, TypeStats>();
  const all = none();
  const now = store.clock.now();
  let bytes = 0;
  if (index !== undefined) {
    const { file } = index;
    const { at } = file.layout;
    const reader = new LineReader(file.layout);
    bytes = file.size;
    await file.eachLine(file.start, (line, start, end, offset) => {
      if (line[start] === 35 || reader.read(line, start, end) !== 'row') return;
      const slot = index.find(reader.field(at.id));
      if (slot === undefined || index.offset(slot) !== offset) return;
      const type = reader.field(at.type);
      let stats = types.get(type);
      if (stats === undefined) {
        stats = none();
        types.set(type, stats);
      }
      const waiting = reader.status === 'pending' ? now - reader.number(at.run_at, 0) * 1000 : -1;
      add(stats, reader.status, waiting);
      add(all, reader.status, waiting);
    });
  }
  return {
    file: store.path,
    total: all.pending + all.processing + all.completed + all.failed + all.cancelled,
    ...all,
    types: Object.fromEntries(
      [...types].map(([type, stats]) => [Buffer.from(type, 'latin1').toString(), stats]),
    ),
    lastTick: tick && new Date(tick.at),
    unhandled: tick?.unhandled ?? [],
    bytes,
  };
}

function add(stats: TypeStats, status: Status, waitingMs: number): void {
  stats[status]++;
  if (waitingMs < 0) return;
  stats.due++;
  stats.oldestDueSeconds = Math.max(stats.oldestDueSeconds, waitingMs / 1000);
}
