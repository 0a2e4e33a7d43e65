import type { Health } from '../../job/health.js';
import { readPauses } from '../admission/paused.js';
import { crowdedOutLately, readHeartbeat, shortOfRoomLately } from '../disk/heartbeat.js';
import { brokenSchedules } from '../doctor/broken-schedules.js';
import { interruptedProblem } from '../doctor/interrupted.js';
import type { Store } from '../store.js';
import { readUsedRates } from './rate-limits.js';
import { survey } from './survey.js';

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
    ...(await survey(store, patience)),
    others: [...(interrupted === undefined ? [] : [interrupted]), ...(await brokenSchedules(store))],
  };
}
