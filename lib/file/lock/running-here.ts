import { processWide } from '../../job/process-wide.js';
import { type Processes, systemProcesses } from './process-id.js';

/** The ids of jobs, by the path of their queue. */
type Files = Map<string, Set<string>>;

/**
 * The jobs whose handlers are running in this process, for any of its workers. They include jobs whose handlers
 * ignored their abort and whose ends were recorded without waiting. Such a job must not start again during that run.
 */
const here: Files = processWide('under-way', () => new Map());

/** The jobs running in simulated processes. */
const elsewhere = new WeakMap<Processes, Files>();

function filesOf(processes: Processes): Files {
  if (processes === systemProcesses) return here;
  const files = elsewhere.get(processes) ?? new Map();
  elsewhere.set(processes, files);
  return files;
}

/** Returns the jobs of a queue that are running in this process. */
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

/** Counts the handlers that are running in this process, for all queues. */
export function handlersRunningHere({ processes }: { processes: Processes }): number {
  let handlers = 0;
  for (const jobs of filesOf(processes).values()) handlers += jobs.size;
  return handlers;
}
