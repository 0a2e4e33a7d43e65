import { isWithin } from '../../job/clock.js';
import type { Health } from '../../job/health.js';
import { readPauses } from '../admission/paused.js';
import { crowdedOutLately, readHeartbeat, shortOfRoomLately } from '../disk/heartbeat.js';
import { brokenSchedules } from '../doctor/broken-schedules.js';
import { interruptedProblem } from '../doctor/interrupted.js';
import type { JobIndex } from '../index/job-index.js';
import type { Store } from '../store.js';
import { readUsedRates } from './rate-limits.js';
import { type Survey, survey } from './survey.js';

/**
 * Gathers what is known of a queue besides its jobs, without the lock.
 *
 * @param patience the age from which the claim of a dead worker counts as left, in ms; see {@link survey}
 */
export async function gatherHealth(store: Store, patience: number): Promise<Health> {
  const { fs, realPath, clock, obstacle } = store;
  const now = clock.now();
  const heartbeat = readHeartbeat(fs, realPath);
  const crowdedOutAt = crowdedOutLately(heartbeat, now);
  const short = shortOfRoomLately(heartbeat, now);
  const interrupted = await interruptedProblem(store);
  const index = await store.read('open');
  const { counts, broken } = await passesOf(store, index, patience);
  return {
    file: store.path,
    bytes: index?.file.size ?? 0,
    lastTick: heartbeat && new Date(heartbeat.at),
    unhandled: heartbeat?.unhandled ?? [],
    crowdedOutAt: crowdedOutAt === undefined ? undefined : new Date(crowdedOutAt),
    shortOfRoom: short && { ...short, at: new Date(short.at) },
    limitedTypes: (await readUsedRates(store)).map(({ type }) => type),
    pauses: readPauses(fs, realPath, now),
    obstacle,
    unreadable: (await index?.unreadable.count(index.file)) ?? 0,
    ...counts,
    others: [...(interrupted === undefined ? [] : [interrupted]), ...broken],
  };
}

/** What passes over all jobs have found. */
interface Passes {
  readonly position: number;
  readonly patience: number;
  readonly at: number;
  readonly counts: Survey;
  readonly broken: readonly string[];
}

/** How long it holds if no row is new, in ms: a worker may die meanwhile. */
const HOLDS_MS = 5_000;

const known = new WeakMap<JobIndex, Passes>();

/** Makes the passes, or returns what they have found lately: a view asks each second. */
async function passesOf(store: Store, index: JobIndex | undefined, patience: number): Promise<Passes> {
  const at = store.clock.now();
  const before = index && known.get(index);
  const isSame = before?.position === index?.position && before?.patience === patience;
  if (before !== undefined && isSame && isWithin(HOLDS_MS, before.at, at)) return before;
  const position = index?.position ?? 0;
  const passes = {
    ...{ position, patience, at },
    ...{ counts: await survey(store, patience), broken: await brokenSchedules(store) },
  };
  if (index !== undefined) known.set(index, passes);
  return passes;
}
