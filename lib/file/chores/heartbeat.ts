import {
  crowdedOutLately,
  type Heartbeat,
  readHeartbeat,
  shortOfRoomLately,
  writeHeartbeat,
} from '../disk/heartbeat.js';
import { describePlace, placeOf } from '../disk/place.js';
import type { Store } from '../store.js';
import type { Chore, ChoreContext } from './chore.js';

/** Returns the last worker's heartbeat. */
export function lastHeartbeat({ fs, realPath }: Store): Heartbeat | undefined {
  try {
    return readHeartbeat(fs, realPath);
  } catch {
    // The worker works without it.
    return undefined;
  }
}

/**
 * Writes the heartbeat. The first one of a queue warns if its file system promises less than a queue needs.
 *
 * @param unhandled types of due jobs without a handler; default: the types that the worker met
 */
export function beat(
  { store, events }: Pick<ChoreContext, 'store' | 'events'>,
  unhandled: string[] = events.heartbeat.unhandled,
): void {
  const { fs, realPath, clock, options } = store;
  const at = clock.now();
  const own = events.heartbeat;
  // The notes of another worker stay for a while.
  const last = lastHeartbeat(store);
  const crowdedOutAt = own.crowdedOutAt ?? crowdedOutLately(last, at);
  const shortOfRoom = own.shortOfRoom ?? shortOfRoomLately(last, at);
  const isFirst = writeHeartbeat(fs, realPath, { at, unhandled, crowdedOutAt, shortOfRoom });
  if (!isFirst || options.anyFileSystem) return;
  const place = placeOf(fs, realPath);
  if (place !== undefined) events.warn(describePlace(place, realPath));
}

/** Tells other processes that the worker is alive, and which types it can't run. */
export const heartbeat: Chore = { name: 'heartbeat', every: 30_000, run: (context) => beat(context) };

/** Tells a monitoring service that a busy worker is alive. Its answer isn't waited for. */
export const ping: Chore = { name: 'ping', every: 30_000, run: (context) => void context.ping?.send() };
