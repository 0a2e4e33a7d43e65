import { writeHeartbeat } from '../disk/heartbeat.js';
import { describePlace, placeOf } from '../disk/place.js';
import type { Chore, ChoreContext } from './chore.js';

/** Writes the heartbeat. The first of a queue warns of its place, if there is reason to. */
export function beat({
  store: { fs, realPath, clock, options },
  heartbeat,
  warn,
}: Pick<ChoreContext, 'store' | 'heartbeat' | 'warn'>): void {
  if (!writeHeartbeat(fs, realPath, { ...heartbeat(), at: clock.now() }) || options.anyFileSystem) return;
  const place = placeOf(fs, realPath);
  if (place !== undefined) warn(describePlace(place, realPath));
}

/** Tells other processes that the worker is alive, and what it can't run. */
export const heartbeat: Chore = { name: 'heartbeat', every: 30_000, run: beat };
