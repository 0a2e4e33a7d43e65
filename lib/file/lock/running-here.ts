import { processWide } from '../../job/process-wide.js';
import { type Processes, systemProcesses } from './process-id.js';

/** Jobs by the path of their queue. */
type Files = Map<string, Set<string>>;

/**
 * Jobs whose handlers are under way in this process, whichever worker of it called them; also those that ignored
 * their abort and were recorded without waiting for them. Run again beside that, there would be two of one job.
 */
const here: Files = processWide('under-way', () => new Map());

/** The same of processes that are only simulated. */
const elsewhere = new WeakMap<Processes, Files>();

function filesOf(processes: Processes): Files {
  if (processes === systemProcesses) return here;
  const files = elsewhere.get(processes) ?? new Map();
  elsewhere.set(processes, files);
  return files;
}

/** The jobs of a queue that are under way in this process. */
export function jobsRunningHere({
  processes,
  realPath,
}: {
  processes: Processes;
  realPath: string;
}): Set<string> {
  const files = filesOf(processes);
  const jobs = files.get(realPath) ?? new Set();
  files.set(realPath, jobs);
  return jobs;
}

/** How many handlers are under way in this process, whatever queue their jobs are of. */
export function handlersRunningHere({ processes }: { processes: Processes }): number {
  let handlers = 0;
  for (const jobs of filesOf(processes).values()) handlers += jobs.size;
  return handlers;
}
