import type { Processes } from '../store/owner.js';
import type { Store } from '../store/store.js';

/**
 * Jobs whose handlers are under way in this process, whatever worker of it called them; also those that ignored
 * their abort and were recorded without waiting for them. Run again beside that, there would be two of one job.
 */
const underWay = new WeakMap<Processes, Map<string, Set<string>>>();

/** The jobs of a queue that are under way in this process. */
export function jobsUnderWay({ processes, realPath }: Store): Set<string> {
  const files = underWay.get(processes) ?? new Map<string, Set<string>>();
  underWay.set(processes, files);
  const jobs = files.get(realPath) ?? new Set();
  files.set(realPath, jobs);
  return jobs;
}

/** How many handlers are under way in this process, whatever queue their jobs are of. */
export function handlersUnderWay({ processes }: Store): number {
  let handlers = 0;
  for (const jobs of underWay.get(processes)?.values() ?? []) handlers += jobs.size;
  return handlers;
}
