import type { Job } from '../job/job.js';
import { harmless } from './text.js';
import type { View } from './view.js';

/** What is said of a worker that is known to be dead. */
export const DEAD = 'worker is dead';

/** Says in which process a job runs, or that it is dead. */
export function workerOf({ lockedBy }: Job, view: View): string {
  const isAlive = lockedBy === undefined ? false : view.isAlive(lockedBy);
  const [host = '', , , pid = ''] = (lockedBy ?? '').split('.');
  if (isAlive === false) return DEAD;
  return harmless(isAlive ? `pid ${pid}` : `worker on ${host}, not known`);
}
