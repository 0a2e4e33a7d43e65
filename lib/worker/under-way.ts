import { processWide } from '../process-wide.js';
import { type Processes, systemProcesses } from '../store/owner.js';
import type { Store } from '../store/store.js';

/** Jobs by the path of their queue. */
type Files = Map<string, Set<string>>;

/**
 * Jobs whose handlers are under way in this process, whichever worker of it called them; also those that ignored
 * their abort and were recorded without waiting for them. Run again beside that, there would be two of one job.
 */
const here: Files = processWide('under-way', () => new Map());

/** The same of processes that are only simulated. */
const elsewhere = new WeakMap<Processes, Files>();

/** The jobs of a queue that are under way in this process. */
export function jobsUnderWay({ processes, realPath }: Store): Set<string> {
  const files = processes === systemProcesses ? here : (elsewhere.get(processes) ?? new Map());
  if (files !== here) elsewhere.set(processes, files);
  const jobs = files.get(realPath) ?? new Set();
  files.set(realPath, jobs);
  return jobs;
}
